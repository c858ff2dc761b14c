/* The largest values under the window, and at least `low`. */
static void max_pool(const struct window *s, const VALUE *x, VALUE *y, VALUE low)
{
    for (int32_t row = 0; row < s->out_height; row++) {
        const int32_t top = row * s->stride - s->padding;
        int32_t r0, r1;
        covered(top, s->rows, s->height, &r0, &r1);
        for (int32_t column = 0; column < s->out_width; column++) {
            const int32_t left = column * s->stride - s->padding;
            int32_t c0, c1;
            covered(left, s->columns, s->width, &c0, &c1);
            for (int32_t k = 0; k < s->channels; k++) {
                VALUE most = low;
                for (int32_t r = r0; r < r1; r++)
                    for (int32_t c = c0; c < c1; c++) {
                        const VALUE value = x[((top + r) * s->width + left + c) * s->channels + k];
                        most = value > most ? value : most;
                    }
                *y++ = most;
            }
        }
    }
}
