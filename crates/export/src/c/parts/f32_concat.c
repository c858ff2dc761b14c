/* Writes `channels` of the `all` channels of y, from `first` on. */
static void concat(int32_t pixels, int32_t channels, int32_t first, int32_t all, const float *x, float *y,
                   int relu)
{
    for (int32_t i = 0; i < pixels; i++)
        for (int32_t c = 0; c < channels; c++) {
            const float value = x[i * channels + c];
            y[i * all + first + c] = relu && value < 0 ? 0 : value;
        }
}
