/* value / 2^shift, halves away from 0; a negative number is never shifted. */
static int64_t rounded(int64_t value, int32_t shift)
{
    const int64_t half = shift == 0 ? 0 : (int64_t)1 << (shift - 1);
    return value < 0 ? -((half - value) >> shift) : (value + half) >> shift;
}

/* The code of a value: from `low`, which a ReLU raises to `zero`, to 127. */
static int8_t code(int64_t value, int32_t zero, int32_t low)
{
    const int64_t moved = value + zero;
    return (int8_t)(moved < low ? low : moved > 127 ? 127 : moved);
}
