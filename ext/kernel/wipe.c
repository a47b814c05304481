/* Two operations on secrets that a compiler must not optimize. */
#include "internal.h"

void bb_wipe(void *memory, size_t length)
{
    memset(memory, 0, length);
    /* The compiler must assume that the assembly reads the memory, so it has to write the zeros. */
    __asm__ __volatile__("" : : "r"(memory) : "memory");
}

bool bb_equal(const void *a, const void *b, size_t length)
{
    const volatile uint8_t *left = a;
    const volatile uint8_t *right = b;
    unsigned difference = 0;

    for (size_t i = 0; i < length; i++) {
        difference |= (unsigned)(left[i] ^ right[i]);
    }
    return difference == 0;
}
