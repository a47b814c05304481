/* The variant for 64-bit Arm, little-endian: 13.3 instructions per round of a lane; compilers need
 * 20 for the portable variant.
 *
 * Both halves live in one register: subkeys are loaded and mixed in 64 bits at a time, ubfx takes
 * any byte of either half, and eor's shifted operand reaches the upper half. A load with a register
 * offset takes no displacement, so each S-box has its own base register: five registers per
 * lane. Five lanes fit, but only if a round needs no more than three temporaries. Compilers would
 * interleave the lanes' instructions, run out of registers and spill; so a round is one block of
 * assembly, and the CPU does the interleaving. */
#include "internal.h"

#ifdef BB_HAVE_AARCH64

typedef struct {
    const uint32_t *sbox[4];
} state;

static ALWAYS_INLINE state find_state(const struct bb_lane *lanes, unsigned k)
{
    state at;
    for (unsigned box = 0; box < 4; box++) {
        at.sbox[box] = lanes[k].words + BB_KEY_WORDS + 256 * box;
        /* Hide from the compiler that the bases are a constant apart, or it keeps only one. */
        __asm__("" : "+r"(at.sbox[box]));
    }
    return at;
}

static ALWAYS_INLINE const uint32_t *find_subkeys(state at, unsigned k)
{
    (void)k;
    return at.sbox[0] - BB_KEY_WORDS;
}

#include "packed.h"

/* a = F(the half of x that begins with bit `from`) */
#define FEISTEL(from)                                                                              \
    "ubfx %[a], %[x], " from " + 24, 8\n\t"                                                        \
    "ubfx %[b], %[x], " from " + 16, 8\n\t"                                                        \
    "ldr %w[a], [%[s0], %[a], lsl 2]\n\t"                                                          \
    "ldr %w[b], [%[s1], %[b], lsl 2]\n\t"                                                          \
    "ubfx %[c], %[x], " from " + 8, 8\n\t"                                                         \
    "ldr %w[c], [%[s2], %[c], lsl 2]\n\t"                                                          \
    "add %w[a], %w[a], %w[b]\n\t"                                                                  \
    "ubfx %[b], %[x], " from ", 8\n\t"                                                             \
    "ldr %w[b], [%[s3], %[b], lsl 2]\n\t"                                                          \
    "eor %w[a], %w[a], %w[c]\n\t"                                                                  \
    "add %w[a], %w[a], %w[b]\n\t"

/* The operands of both rounds; more inputs may follow. The memory operand is for the loads. */
#define OPERANDS                                                                                   \
    : [x] "+&r"(*x), [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c)                                      \
    : [s0] "r"(at.sbox[0]), [s1] "r"(at.sbox[1]), [s2] "r"(at.sbox[2]), [s3] "r"(at.sbox[3]),      \
      "m"(*(const uint32_t(*)[4 * 256])at.sbox[0])

static ALWAYS_INLINE void round_right(state at, unsigned k, unsigned round, halves *x)
{
    uint64_t a, b, c;
    (void)k, (void)round; /* the previous round mixed in this round's subkey */
    __asm__(FEISTEL("0") "eor %[x], %[x], %[a], lsl 32" OPERANDS);
}

static ALWAYS_INLINE void round_left(state at, unsigned k, unsigned round, halves *x)
{
    uint64_t a, b, c;
    /* The subkeys go first: x then waits for nothing but F. */
    __asm__(FEISTEL("32") "eor %[x], %[x], %[subkeys]\n\t"
                          "eor %[x], %[x], %[a]" OPERANDS,
            [subkeys] "r"(load_pair(find_subkeys(at, k) + round)));
}

#include "variant.h"

/* Times estimated by llvm-mca for Neoverse N1, issuing four a cycle; see README.md. */
const struct bb_kernel bb_kernel_aarch64 = {
    .name = "aarch64",
    .supported = always,
    .preferred = always,
    .max_lanes = 8,
    .shared_lanes = 4,
    .group_times = {919, 920, 1014, 1336, 1675, 2148, 2723, 3216},
    .functions = LANE_FUNCTIONS,
};

#endif
