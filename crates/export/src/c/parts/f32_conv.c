static void convolve(const struct window *s, const float *x, float *y, const float *weights,
                     const float *bias, int relu)
{
    for (int32_t row = 0; row < s->out_height; row++) {
        const int32_t top = row * s->stride - s->padding;
        int32_t r0, r1;
        covered(top, s->rows, s->height, &r0, &r1);
        for (int32_t column = 0; column < s->out_width; column++) {
            const int32_t left = column * s->stride - s->padding;
            int32_t c0, c1;
            covered(left, s->columns, s->width, &c0, &c1);
            const int32_t length = (c1 - c0) * s->channels;
            for (int32_t k = 0; k < s->out_channels; k++) {
                float sum = bias[k];
                for (int32_t r = r0; r < r1; r++) {
                    const float *w = weights + ((k * s->rows + r) * s->columns + c0) * s->channels;
                    const float *from = x + ((top + r) * s->width + left + c0) * s->channels;
                    for (int32_t i = 0; i < length; i++)
                        sum += w[i] * from[i];
                }
                *y++ = relu && sum < 0 ? 0 : sum;
            }
        }
    }
}
