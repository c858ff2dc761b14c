static void affine(int32_t pixels, int32_t channels, const int8_t *x, int32_t zero, int8_t *y,
                   int32_t y_zero, int32_t low, const int32_t *factors, const int64_t *summands,
                   int32_t shift)
{
    for (int32_t i = 0; i < pixels; i++)
        for (int32_t c = 0; c < channels; c++) {
            const int64_t value = (int64_t)(*x++ - zero) * factors[c] + summands[c];
            *y++ = code(rounded(value, shift), y_zero, low);
        }
}
