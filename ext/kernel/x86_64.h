/* The x86-64 variants: one base register and a displacement reach all lanes. Include this first. */

/* Displacements are constants of the assembly only once loops are unrolled, so gcc has to optimise
 * these files at -O0 and -Og, too; the code is the same at every level. This precedes the first
 * function, because gcc doesn't inline a function into a function of another level. */
#if defined __GNUC__ && !defined __clang__
#pragma GCC optimize("O2")
#endif

#include "internal.h"

#define OFFSET(k, word) ((long)(sizeof(struct bb_lane) * (k) + sizeof(uint32_t) * (word)))
#define SBOX_OFFSET(k, box) OFFSET(k, BB_KEY_WORDS + 256 * (box))

/* The inputs of a round's assembly: its lane, and the subkeys from `round` on. The clobber "memory"
 * covers its loads: an operand for the lane would cost a register. */
#define ROUND_INPUTS                                                                               \
    [base] "r"(lanes), [s0] "i"(SBOX_OFFSET(k, 0)), [s1] "i"(SBOX_OFFSET(k, 1)),                   \
        [s2] "i"(SBOX_OFFSET(k, 2)), [s3] "i"(SBOX_OFFSET(k, 3)), [subkey] "i"(OFFSET(k, round))

#define BYTE_AT(bit) (8 << 8 | (bit)) /* bextr's control word: 8 bits from there on */
