/* The same on a Cortex-M4 without an operating system: the images are in images.h, and the bits of the
   logits are printed by semihosting. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "images.h"
#include "model.h"

extern void initialise_monitor_handles(void);
extern char stack_end[];

int main(void)
{
    static struct model_memory memory;
    static float logits[MODEL_CLASSES];
    for (int image = 0; image < IMAGES; image++) {
        model_logits(images[image], logits, &memory);
        for (int k = 0; k < MODEL_CLASSES; k++) {
            uint32_t bits;
            memcpy(&bits, &logits[k], sizeof bits);
            printf("%08lx ", (unsigned long)bits);
        }
        printf("\n");
    }
    return 0;
}

/* What newlib calls before and after main where there are start files; here are none. */
void _init(void)
{
}

void _fini(void)
{
}

static void reset(void)
{
    *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20; /* switches the floating point unit on */
    __asm volatile("dsb\n\tisb");
    initialise_monitor_handles();
    exit(main());
}

static void fault(void)
{
    for (;;)
        abort();
}

__attribute__((section(".vectors"), used)) static void (*const vectors[])(void) = {
    (void (*)(void))stack_end, reset, fault, fault, fault, fault, fault,
};
