/* bias + the sum of weights times (codes - zero) under the part of the window that lies on the map. */
static int32_t window_sum(const struct window *s, int32_t row, int32_t column, int32_t k, const int8_t *x,
                          int32_t zero, const int8_t *weights, int32_t bias)
{
    const int32_t top = row * s->stride - s->padding, left = column * s->stride - s->padding;
    int32_t r0, r1, c0, c1;
    covered(top, s->rows, s->height, &r0, &r1);
    covered(left, s->columns, s->width, &c0, &c1);
    const int32_t length = (c1 - c0) * s->channels;
    int32_t sum = bias;
    for (int32_t r = r0; r < r1; r++) {
        const int8_t *w = weights + ((k * s->rows + r) * s->columns + c0) * s->channels;
        const int8_t *from = x + ((top + r) * s->width + left + c0) * s->channels;
        for (int32_t i = 0; i < length; i++)
            sum += w[i] * (from[i] - zero);
    }
    return sum;
}
