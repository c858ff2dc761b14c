static void rectify(int32_t length, const VALUE *x, VALUE *y, VALUE low)
{
    for (int32_t i = 0; i < length; i++)
        y[i] = x[i] < low ? low : x[i];
}
