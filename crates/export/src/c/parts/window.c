/* A window that moves over a map, and the map of its results. Maps are (height, width, channels). */
struct window {
    int32_t height, width, channels;
    int32_t out_height, out_width, out_channels;
    int32_t rows, columns, stride, padding;
};

/* The lines of the window, from `first` to before `end`, that lie on a map of `side` lines. */
static void covered(int32_t start, int32_t size, int32_t side, int32_t *first, int32_t *end)
{
    *first = start < 0 ? -start : 0;
    *end = start + size > side ? side - start : size;
}
