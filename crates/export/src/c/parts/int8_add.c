static void add(int32_t length, const int8_t *a, int32_t a_zero, int32_t a_factor, const int8_t *b,
                int32_t b_zero, int32_t b_factor, int32_t shift, int8_t *y, int32_t y_zero, int32_t low)
{
    for (int32_t i = 0; i < length; i++) {
        const int64_t first = (int64_t)(a[i] - a_zero) * a_factor;
        const int64_t second = (int64_t)(b[i] - b_zero) * b_factor;
        y[i] = code(rounded(first + second, shift), y_zero, low);
    }
}
