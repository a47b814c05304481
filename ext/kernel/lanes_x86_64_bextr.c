/* The variant for AMD's x86-64: as lanes_x86_64_bmi2.c, but with bextr, which takes any byte out of
 * a register in one micro-operation there (two on Intel): 10 instructions a round. */
#include "x86_64.h"

#ifdef BB_HAVE_X86_64

#define BYTE_AT(bit) (8 << 8 | (bit)) /* bextr's control word: 8 bits from there on */

static ALWAYS_INLINE uint32_t half_round(const struct bb_lane *lanes, unsigned k, unsigned round,
                                         uint32_t half, uint32_t other)
{
    uint64_t sum, index;

    __asm__("shrx %k[count], %k[half], %k[sum]\n\t"
            "bextr %k[second], %k[half], %k[index]\n\t"
            "movl %c[s0](%[base],%[sum],4), %k[sum]\n\t"
            "addl %c[s1](%[base],%[index],4), %k[sum]\n\t"
            "bextr %k[third], %k[half], %k[index]\n\t"
            "xorl %c[s2](%[base],%[index],4), %k[sum]\n\t"
            "movzbl %b[half], %k[index]\n\t"
            "addl %c[s3](%[base],%[index],4), %k[sum]\n\t"
            "xorl %c[subkey](%[base]), %[other]\n\t"
            "xorl %k[sum], %[other]"
            : [other] "+&r"(other), [sum] "=&r"(sum), [index] "=&r"(index)
            : HALF_ROUND_INPUTS, [count] "r"(24), [second] "r"(BYTE_AT(16)), [third] "r"(BYTE_AT(8))
            : "cc", "memory");
    return other;
}

#include "halves.h"
#include "variant.h"

static bool has_bmi1_and_2(void)
{
    return __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

static bool is_amd(void)
{
    return __builtin_cpu_is("amd");
}

/* Times estimated by llvm-mca for Zen 3: README.md says how. */
const struct bb_kernel bb_kernel_x86_64_bextr = {
    .name = "x86_64-bextr",
    .supported = has_bmi1_and_2,
    .preferred = is_amd,
    .shared_lanes = 4,
    .group_times = {975, 988, 1002, 1040, 1275, 1470, 1771, 2152},
    .functions = LANE_FUNCTIONS,
};

#endif
