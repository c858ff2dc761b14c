/* Writes `channels` of the `all` channels of y, from `first` on. */
static void concat(int32_t pixels, int32_t channels, int32_t first, int32_t all, const int8_t *x,
                   int32_t zero, int8_t *y, int32_t y_zero, int32_t low, struct fixed factor)
{
    for (int32_t i = 0; i < pixels; i++)
        for (int32_t c = 0; c < channels; c++) {
            const int64_t value = (int64_t)(x[i * channels + c] - zero) * factor.factor;
            y[i * all + first + c] = code(rounded(value, factor.shift), y_zero, low);
        }
}
