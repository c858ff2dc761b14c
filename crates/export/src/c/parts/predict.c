int NAME_predict(const uint8_t *pixels, float *probabilities, struct NAME_memory *memory)
{
    int best = 0;
    float sum = 0;
    NAME_logits(pixels, probabilities, memory);
    for (int i = 1; i < PREFIX_CLASSES; i++)
        if (probabilities[i] > probabilities[best])
            best = i;
    const float largest = probabilities[best];
    for (int i = 0; i < PREFIX_CLASSES; i++) {
        probabilities[i] = expf((probabilities[i] - largest) / TEMPERATURE);
        sum += probabilities[i];
    }
    for (int i = 0; i < PREFIX_CLASSES; i++)
        probabilities[i] /= sum;
    return best;
}
