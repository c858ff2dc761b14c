static void avg_pool(const struct window *s, const int8_t *x, int32_t zero, int8_t *y, int32_t y_zero,
                     int32_t low, struct fixed factor)
{
    for (int32_t row = 0; row < s->out_height; row++)
        for (int32_t column = 0; column < s->out_width; column++)
            for (int32_t k = 0; k < s->channels; k++) {
                int64_t sum = 0;
                for (int32_t r = 0; r < s->rows; r++)
                    for (int32_t c = 0; c < s->columns; c++) {
                        const int32_t at = (row * s->stride + r) * s->width + column * s->stride + c;
                        sum += x[at * s->channels + k] - zero;
                    }
                *y++ = code(rounded(sum * factor.factor, factor.shift), y_zero, low);
            }
}
