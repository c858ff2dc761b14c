/* Answers images from stdin: writes the logits and the probabilities of each to stdout. */
#include <stdio.h>

#include "model.h"

int main(void)
{
    static struct model_memory memory;
    static uint8_t pixels[MODEL_PIXELS];
    static float logits[MODEL_CLASSES], probabilities[MODEL_CLASSES];
    while (fread(pixels, 1, sizeof pixels, stdin) == sizeof pixels) {
        model_logits(pixels, logits, &memory);
        const int best = model_predict(pixels, probabilities, &memory);
        if (probabilities[best] < 0 || model_classes[best][0] == '\0')
            return 1;
        fwrite(logits, sizeof logits, 1, stdout);
        fwrite(probabilities, sizeof probabilities, 1, stdout);
    }
    return 0;
}
