/* A real factor: factor / 2^shift. */
struct fixed {
    int32_t factor;
    int32_t shift;
};
