static void affine(int32_t pixels, int32_t channels, const float *x, float *y, const float *scale,
                   const float *shift, int relu)
{
    for (int32_t i = 0; i < pixels; i++)
        for (int32_t c = 0; c < channels; c++) {
            const float value = *x++ * scale[c] + shift[c];
            *y++ = relu && value < 0 ? 0 : value;
        }
}
