/* The variant for AMD's x86-64: from four lanes on, 10.5 instructions a round, and one register a
 * lane. One to three lanes are in lanes_x86_64_bextr_few.c.
 *
 * - bextr extracts any byte of a register in one micro-operation on AMD (two on Intel).
 * - Both halves live in one register, and each round turns it by 32 bits: so F always reads the
 *   low half, three control words suffice, and the sum needs no shift to reach its half. The turn
 *   waits only for the bytes, which are ready long before F. Two registers a lane would save half
 *   an instruction, but leave registers for four lanes only.
 * - Subkeys are mixed in by pairs.
 * - The order of the ten instructions is the fastest of some 300 orders that were measured on
 *   Zen 3: these take 2.55 to 3.09 cycles. The CPU has four ALUs, only two of which do bextr and
 *   ror, and assigns an instruction to an ALU before it knows which ALU will be ready.
 *
 * README.md has the figures, and the alternatives that were tried.
 */
#include "x86_64.h"

#ifdef BB_HAVE_X86_64

#include "one_base.h"

static ALWAYS_INLINE const uint32_t *find_subkeys(state lanes, unsigned k)
{
    return lanes[k].words;
}

#include "packed.h"

/* x = F(its low half) ^ x turned, then `mix`. */
#define TURNING_ROUND(mix)                                                                         \
    do {                                                                                           \
        uint64_t sum, index, third;                                                                \
        __asm__("bextr %k[at16], %k[x], %k[index]\n\t"                                             \
                "bextr %k[at24], %k[x], %k[sum]\n\t"                                               \
                "movl %c[s0](%[base],%[sum],4), %k[sum]\n\t"                                       \
                "addl %c[s1](%[base],%[index],4), %k[sum]\n\t"                                     \
                "movzbl %b[x], %k[index]\n\t"                                                      \
                "bextr %k[at8], %k[x], %k[third]\n\t"                                              \
                "rorq $32, %[x]\n\t" mix "xorl %c[s2](%[base],%[third],4), %k[sum]\n\t"            \
                "addl %c[s3](%[base],%[index],4), %k[sum]\n\t"                                     \
                "xorq %[sum], %[x]"                                                                \
                : [x] "+&r"(*x), [sum] "=&r"(sum), [index] "=&r"(index), [third] "=&r"(third)      \
                : ROUND_INPUTS, [at8] "r"(BYTE_AT(8)), [at16] "r"(BYTE_AT(16)),                    \
                  [at24] "r"(BYTE_AT(24))                                                          \
                : "cc", "memory");                                                                 \
    } while (0)

static ALWAYS_INLINE void round_right(state lanes, unsigned k, unsigned round, halves *x)
{
    TURNING_ROUND(""); /* the previous round mixed in this round's subkey */
}

static ALWAYS_INLINE void round_left(state lanes, unsigned k, unsigned round, halves *x)
{
    TURNING_ROUND("xorq %c[subkey](%[base]), %[x]\n\t");
}

#define FIRST_LANES 4
#include "variant.h"

extern const struct bb_lane_functions bb_few_lanes_x86_64_bextr[3];

static bool has_bmi1_and_2(void)
{
    return __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

static bool is_amd(void)
{
    return __builtin_cpu_is("amd");
}

/* Times measured on Zen 3. */
const struct bb_kernel bb_kernel_x86_64_bextr = {
    .name = "x86_64-bextr",
    .supported = has_bmi1_and_2,
    .preferred = is_amd,
    .max_lanes = 8,
    .shared_lanes = 4,
    .group_times = {993, 1031, 1084, 1197, 1335, 1551, 1781, 2042},
    .functions = {&bb_few_lanes_x86_64_bextr[0], &bb_few_lanes_x86_64_bextr[1],
                  &bb_few_lanes_x86_64_bextr[2], FUNCTIONS_OF_4_TO_8},
};

#endif
