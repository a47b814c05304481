/* The x86-64 variants: one base register reaches all lanes, the displacement does the rest. To be
 * included first of all. */

/* Displacements are constants of the assembly only once loops are unrolled, so gcc has to optimise
 * these files at -O0 and -Og, too; with any higher level it makes the same code of them. Before the
 * first function, because gcc inlines none into one of another level. */
#if defined __GNUC__ && !defined __clang__
#pragma GCC optimize("O2")
#endif

#include "internal.h"

#define OFFSET(k, word) ((long)(sizeof(struct bb_lane) * (k) + sizeof(uint32_t) * (word)))
#define SBOX_OFFSET(k, box) OFFSET(k, BB_KEY_WORDS + 256 * (box))

/* The inputs of a round's assembly: its lane, and the subkeys from `round` on. What its loads read
 * is in the clobber "memory": an operand for the lane would cost a register. */
#define ROUND_INPUTS                                                                               \
    [base] "r"(lanes), [s0] "i"(SBOX_OFFSET(k, 0)), [s1] "i"(SBOX_OFFSET(k, 1)),                   \
        [s2] "i"(SBOX_OFFSET(k, 2)), [s3] "i"(SBOX_OFFSET(k, 3)), [subkey] "i"(OFFSET(k, round))

#define BYTE_AT(bit) (8 << 8 | (bit)) /* bextr's control word: 8 bits from there on */
