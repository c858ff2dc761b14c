static void convolve(const struct window *s, const int8_t *x, int32_t zero, int8_t *y, int32_t y_zero,
                     int32_t low, const int8_t *weights, const int32_t *bias,
                     const struct fixed *factors)
{
    for (int32_t row = 0; row < s->out_height; row++)
        for (int32_t column = 0; column < s->out_width; column++)
            for (int32_t k = 0; k < s->out_channels; k++) {
                const int64_t sum = window_sum(s, row, column, k, x, zero, weights, bias[k]);
                *y++ = code(rounded(sum * factors[k].factor, factors[k].shift), y_zero, low);
            }
}
