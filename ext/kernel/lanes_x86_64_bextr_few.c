/* One to three lanes of the variant for AMD's x86-64: two registers a lane, since so few lanes
 * leave enough registers. An encryption's first round need not wait for both halves of the
 * encryption before, and a round takes half an instruction less than in lanes_x86_64_bextr.c. */
#include "x86_64.h"

#ifdef BB_HAVE_X86_64

static ALWAYS_INLINE uint32_t half_round(const struct bb_lane *lanes, unsigned k, unsigned round,
                                         uint32_t half, uint32_t other)
{
    uint64_t sum, index;

    __asm__("shrx %k[count], %k[half], %k[sum]\n\t"
            "bextr %k[at16], %k[half], %k[index]\n\t"
            "movl %c[s0](%[base],%[sum],4), %k[sum]\n\t"
            "addl %c[s1](%[base],%[index],4), %k[sum]\n\t"
            "bextr %k[at8], %k[half], %k[index]\n\t"
            "xorl %c[s2](%[base],%[index],4), %k[sum]\n\t"
            "movzbl %b[half], %k[index]\n\t"
            "addl %c[s3](%[base],%[index],4), %k[sum]\n\t"
            "xorl %c[subkey](%[base]), %[other]\n\t"
            "xorl %k[sum], %[other]"
            : [other] "+&r"(other), [sum] "=&r"(sum), [index] "=&r"(index)
            : ROUND_INPUTS, [half] "r"(half), [count] "r"(24), [at8] "r"(BYTE_AT(8)),
              [at16] "r"(BYTE_AT(16))
            : "cc", "memory");
    return other;
}

#include "halves.h"

#define LAST_LANES 3
#include "variant.h"

extern const struct bb_lane_functions bb_few_lanes_x86_64_bextr[3];

const struct bb_lane_functions bb_few_lanes_x86_64_bextr[] = {
    FUNCTIONS_OF(1),
    FUNCTIONS_OF(2),
    FUNCTIONS_OF(3),
};

#endif
