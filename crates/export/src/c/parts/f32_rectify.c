static void rectify(int32_t length, const float *x, float *y)
{
    for (int32_t i = 0; i < length; i++)
        y[i] = x[i] < 0 ? 0 : x[i];
}
