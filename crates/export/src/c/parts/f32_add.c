static void add(int32_t length, const float *a, const float *b, float scale, float *y, int relu)
{
    for (int32_t i = 0; i < length; i++) {
        const float value = a[i] + scale * b[i];
        y[i] = relu && value < 0 ? 0 : value;
    }
}
