/* The variant for x86-64 with BMI2: 12 instructions a round; compilers need 15 or 16.
 *
 * - rorx and shrx copy and shift at once. A movzx between different registers then costs only
 *   its slot: the CPU renames it away, which it can't if source and destination are the same.
 *   High-byte registers would save the second rorx, but on Golden Cove take two cycles longer.
 * - Indices are 64-bit operands, so that the compiler has nothing to zero-extend.
 * - The subkey goes into `other` before the look-ups' sum: the critical path is one XOR shorter.
 *
 * README.md has the figures, and the alternatives that were tried.
 */
#include "x86_64.h"

#ifdef BB_HAVE_X86_64

static ALWAYS_INLINE uint32_t half_round(const struct bb_lane *lanes, unsigned k, unsigned round,
                                         uint32_t half, uint32_t other)
{
    uint64_t sum, turned, low, index;

    __asm__("rorx $16, %k[half], %k[turned]\n\t"
            "movzbl %b[turned], %k[index]\n\t"
            "shrx %k[count], %k[half], %k[sum]\n\t"
            "movl %c[s0](%[base],%[sum],4), %k[sum]\n\t"
            "addl %c[s1](%[base],%[index],4), %k[sum]\n\t"
            "movzbl %b[half], %k[low]\n\t"
            "rorx $8, %k[half], %k[turned]\n\t"
            "movzbl %b[turned], %k[index]\n\t"
            "xorl %c[s2](%[base],%[index],4), %k[sum]\n\t"
            "addl %c[s3](%[base],%[low],4), %k[sum]\n\t"
            "xorl %c[subkey](%[base]), %[other]\n\t"
            "xorl %k[sum], %[other]"
            : [other] "+&r"(other), [sum] "=&r"(sum), [turned] "=&r"(turned), [low] "=&r"(low),
              [index] "=&r"(index)
            : ROUND_INPUTS, [half] "r"(half), [count] "r"(24)
            : "cc", "memory");
    return other;
}

#include "halves.h"
#include "variant.h"

static bool has_bmi2(void)
{
    return __builtin_cpu_supports("bmi2");
}

/* Times measured on Sapphire Rapids; 3 lanes took 1239, but a group of 4 can always serve. */
const struct bb_kernel bb_kernel_x86_64_bmi2 = {
    .name = "x86_64-bmi2",
    .supported = has_bmi2,
    .preferred = has_bmi2,
    .max_lanes = 8,
    .shared_lanes = 4,
    .group_times = {978, 1164, 1208, 1208, 1355, 1530, 1890, 2144},
    .functions = LANE_FUNCTIONS,
};

#endif
