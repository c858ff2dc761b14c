static void rectify(int32_t length, const int8_t *x, int8_t *y, int32_t zero)
{
    for (int32_t i = 0; i < length; i++)
        y[i] = (int8_t)(x[i] < zero ? zero : x[i]);
}
