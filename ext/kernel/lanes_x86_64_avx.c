/* The variant for Zen 5: four to eleven lanes, of three kinds side by side. One to three lanes are
 * in lanes_x86_64_bextr_few.c.
 *
 * On Zen 5, lanes_x86_64_bextr.c is limited by the six ALUs, only three of which do bextr and ror,
 * while the vector unit idles. As in that file, all lanes here have both halves in one register and
 * turn it by 32 bits each round; but
 *
 * - four are in rax, rbx, rcx and rdx, where a movzx reads the second byte: one cycle on any ALU.
 *   They are pinned, because gcc's own choice of registers spills.
 * - From nine lanes on, some are in a vector register. General registers extract their bytes; the
 *   vector unit does look-ups, sums and the turn. A round takes 15.5 instructions, not 10.5, but
 *   only 5 of them for the ALUs, not 9.5.
 *
 * Eleven lanes fill 45.8 of the 48 KB of Zen 5's level-1 cache; a twelfth lane makes all slower.
 * README.md has the figures, and the alternatives that were tried. */
#include "x86_64.h"

#ifdef BB_HAVE_X86_64

#include <cpuid.h>

/* With UndefinedBehaviorSanitizer's checks for every kind and lane, clang wouldn't unroll the
 * loops. */
#ifdef __clang__
#pragma clang attribute push(__attribute__((no_sanitize("undefined"))), apply_to = function)
#endif

/* The kind of lane k for each lane count: in rax to rdx, in any general register, or in a vector
 * register. With fewer vector lanes the vector unit idles, and more take too many instructions. */
static const char kinds[BB_MAX_LANES + 1][BB_MAX_LANES + 1] = {
    [4] = "abcd",     [5] = "abcdr",     [6] = "arbrcd",      [7] = "arbrcrd",
    [8] = "arbrcrdr", [9] = "abcvdrrvr", [10] = "avrbrvcrvd", [11] = "abvcdvrrvrv",
};

#include "one_base.h"

static ALWAYS_INLINE bool is_vector(unsigned count, unsigned k)
{
    return kinds[count][k] == 'v';
}

typedef long long vector __attribute__((vector_size(16)));

/* The lane's kind decides which member is used: left in bits 0 to 31, right in bits 32 to 63, as in
 * memory. */
typedef struct {
    uint64_t pair;
    vector in_vector;
} halves;

/* v, the lane in a vector register, ^= the 64 bits at an address. */
#define MIX(address) "vmovq " address ", %[entry]\n\tvpxor %[entry], %[v], %[v]\n\t"

static ALWAYS_INLINE void mix_pair_of(unsigned count, unsigned k, halves *x, const uint32_t *words)
{
    if (is_vector(count, k)) {
        vector entry;
        __asm__(MIX("%[words]")
                : [v] "+x"(x->in_vector), [entry] "=&x"(entry)
                : [words] "m"(*(const uint32_t (*)[2])words));
    } else {
        uint64_t pair;
        memcpy(&pair, words, sizeof pair);
        x->pair ^= pair;
    }
}

static ALWAYS_INLINE void store_pair_of(unsigned count, unsigned k, uint32_t *words,
                                        const halves *x)
{
    if (is_vector(count, k)) {
        __asm__("vmovq %[x], %[words]"
                : [words] "=m"(*(uint32_t (*)[2])words)
                : [x] "x"(x->in_vector));
    } else {
        memcpy(words, &x->pair, sizeof x->pair);
    }
}

static ALWAYS_INLINE void enter_of(unsigned count, state lanes, unsigned k, halves *x)
{
    if (is_vector(count, k)) {
        vector entry;
        __asm__(MIX("%c[subkeys](%[base])")
                : [v] "+x"(x->in_vector), [entry] "=&x"(entry)
                : [base] "r"(lanes), [subkeys] "i"(OFFSET(k, 0))
                : "memory");
    } else {
        mix_pair_of(count, k, x, lanes[k].words);
    }
}

static ALWAYS_INLINE void leave_of(unsigned count, state lanes, unsigned k, halves *x)
{
    (void)lanes;
    if (is_vector(count, k)) {
        __asm__("vpshufd $0xb1, %[x], %[x]" : [x] "+x"(x->in_vector));
    } else {
        x->pair = x->pair << 32 | x->pair >> 32;
    }
}

/* The steps of a round: x is the lane, `sum` becomes F of its low half, and i, j and l are indices.
 * The bytes from the highest to the lowest look up in the S-boxes 0 to 3. */
#define EXTRACT(bit, to) "bextr %k[at" #bit "], %k[x], %k[" #to "]\n\t"
#define EXTRACT_8(to) EXTRACT(8, to)
#define HIGH_BYTE(to) "movzbl %h[x], %k[" #to "]\n\t" /* the same byte, of rax to rdx */
#define LOW_BYTE(to) "movzbl %b[x], %k[" #to "]\n\t"
#define ENTRY(box, index) "%c[lane]+72+1024*" #box "(%[base],%[" #index "],4)"
#define LOOK_UP(op, box, index) #op "l " ENTRY(box, index) ", %k[sum]\n\t"
#define LOAD_FIRST(op, box, index)                                                                 \
    "movl " ENTRY(box, index) ", %k[" #index "]\n\t" #op "l %k[" #index "], %k[sum]\n\t"
#define TURN "rorq $32, %[x]\n\t"

/* The fastest orders on Zen 5, by the number of registers left for temporaries. `second`
 * extracts bits 8 to 15, `look_up` is LOOK_UP or LOAD_FIRST, and `mix` mixes in the subkeys. */
/* clang-format off */
#define TWO_TEMPORARIES(second, look_up, mix)                                                      \
    EXTRACT(24, sum) EXTRACT(16, i) LOOK_UP(mov, 0, sum) look_up(add, 1, i)                        \
    second(i) look_up(xor, 2, i) LOW_BYTE(i) look_up(add, 3, i) TURN mix

#define THREE_TEMPORARIES(second, look_up, mix)                                                    \
    EXTRACT(16, i) EXTRACT(24, sum) second(j) LOOK_UP(mov, 0, sum) look_up(add, 1, i)              \
    LOW_BYTE(i) LOOK_UP(xor, 2, j) LOOK_UP(add, 3, i) TURN mix

#define FOUR_TEMPORARIES(second, look_up, mix)                                                     \
    EXTRACT(16, i) EXTRACT(24, sum) second(j) LOW_BYTE(l) TURN mix                                 \
    LOOK_UP(mov, 0, sum) look_up(add, 1, i) look_up(xor, 2, j) look_up(add, 3, l)

/* The same in a vector register v; x is a copy of its low half. */
#define FETCH(box, index, to) "vmovd " ENTRY(box, index) ", %[" #to "]\n\t"
#define VECTOR_STEPS(mix)                                                                          \
    "vmovd %[v], %k[x]\n\tvpshufd $0xb1, %[v], %[v]\n\t"                                           \
    EXTRACT(24, i) FETCH(0, i, sum)                                                                \
    EXTRACT(16, i) FETCH(1, i, entry) "vpaddd %[entry], %[sum], %[sum]\n\t"                        \
    EXTRACT(8, i) FETCH(2, i, entry) "vpxor %[entry], %[sum], %[sum]\n\t"                          \
    LOW_BYTE(x) FETCH(3, x, entry) "vpaddd %[entry], %[sum], %[sum]\n\t" mix
/* clang-format on */

/* Not ROUND_INPUTS: clang counts operands, and unrolls loops only up to a size. */
#define INPUTS                                                                                     \
    [base] "r"(lanes), [lane] "i"(OFFSET(k, 0)), [subkey] "i"(OFFSET(k, round)),                   \
        [at8] "r"(BYTE_AT(8)), [at16] "r"(BYTE_AT(16)), [at24] "r"(BYTE_AT(24))

/* x = F(its low half) ^ x turned, with the subkeys mixed in. If x is in rax to rdx, `second` needs
 * a temporary in rsi: no instruction reaches both a high byte and r8 to r15. */
#define SCALAR_ROUND(x_register, steps, ...)                                                       \
    __asm__(steps "xorq %[sum], %[x]"                                                              \
            : [x] "+&" x_register(x->pair), [sum] "=&r"(sum), __VA_ARGS__                          \
            : INPUTS                                                                               \
            : "cc", "memory")
#define IN_TWO(second) [i] "=&" second(i)
#define IN_THREE(second) [i] "=&r"(i), [j] "=&" second(j)
#define IN_FOUR(second) IN_THREE(second), [l] "=&r"(l)
#define SCALAR_ROUNDS(order, temporaries, look_up, mix)                                            \
    switch (kinds[count][k]) {                                                                     \
    case 'a':                                                                                      \
        SCALAR_ROUND("a", order(HIGH_BYTE, look_up, mix), temporaries("S"));                       \
        break;                                                                                     \
    case 'b':                                                                                      \
        SCALAR_ROUND("b", order(HIGH_BYTE, look_up, mix), temporaries("S"));                       \
        break;                                                                                     \
    case 'c':                                                                                      \
        SCALAR_ROUND("c", order(HIGH_BYTE, look_up, mix), temporaries("S"));                       \
        break;                                                                                     \
    case 'd':                                                                                      \
        SCALAR_ROUND("d", order(HIGH_BYTE, look_up, mix), temporaries("S"));                       \
        break;                                                                                     \
    default:                                                                                       \
        SCALAR_ROUND("r", order(EXTRACT_8, look_up, mix), temporaries("r"));                       \
    }

#define ANY_ROUND(mix, mix_vector)                                                                 \
    do {                                                                                           \
        uint64_t sum, i, j, l;                                                                     \
        vector vector_sum, entry;                                                                  \
        if (is_vector(count, k)) {                                                                 \
            __asm__(VECTOR_STEPS(mix_vector) "vpxor %[sum], %[v], %[v]"                            \
                    : [v] "+&x"(x->in_vector), [sum] "=&x"(vector_sum), [entry] "=&x"(entry),      \
                      [x] "=&r"(sum), [i] "=&r"(i)                                                 \
                    : INPUTS                                                                       \
                    : "memory");                                                                   \
        } else if (count <= 6) {                                                                   \
            SCALAR_ROUNDS(FOUR_TEMPORARIES, IN_FOUR, LOOK_UP, mix)                                 \
        } else if (count == 7) {                                                                   \
            SCALAR_ROUNDS(FOUR_TEMPORARIES, IN_FOUR, LOAD_FIRST, mix)                              \
        } else if (count == 8) {                                                                   \
            SCALAR_ROUNDS(THREE_TEMPORARIES, IN_THREE, LOAD_FIRST, mix)                            \
        } else if (count == 9) {                                                                   \
            SCALAR_ROUNDS(THREE_TEMPORARIES, IN_THREE, LOOK_UP, mix)                               \
        } else {                                                                                   \
            SCALAR_ROUNDS(TWO_TEMPORARIES, IN_TWO, LOOK_UP, mix)                                   \
        }                                                                                          \
    } while (0)

static ALWAYS_INLINE void round_right_of(unsigned count, state lanes, unsigned k, unsigned round,
                                         halves *x)
{
    ANY_ROUND("", ""); /* the previous round mixed in this round's subkey */
}

static ALWAYS_INLINE void round_left_of(unsigned count, state lanes, unsigned k, unsigned round,
                                        halves *x)
{
    ANY_ROUND("xorq %c[subkey](%[base]), %[x]\n\t", MIX("%c[subkey](%[base])"));
}

/* A lane's kind depends on k and on the lane count. */
#define mix_pair(...) mix_pair_of(LANES, __VA_ARGS__)
#define store_pair(...) store_pair_of(LANES, __VA_ARGS__)
#define enter(...) enter_of(LANES, __VA_ARGS__)
#define leave(...) leave_of(LANES, __VA_ARGS__)
#define round_right(...) round_right_of(LANES, __VA_ARGS__)
#define round_left(...) round_left_of(LANES, __VA_ARGS__)

#define FIRST_LANES 4
#define LAST_LANES 11
#include "variant.h"

extern const struct bb_lane_functions bb_few_lanes_x86_64_bextr[3];

static bool has_avx_and_bmi1_and_2(void)
{
    return __builtin_cpu_supports("avx") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2");
}

/* Family 26 is Zen 5. On Zen 4 this variant loses at every lane count from 4 on; later families are
 * assumed to be like Zen 5. */
static bool is_zen5_or_later(void)
{
    unsigned eax, ebx, ecx, edx;

    return __builtin_cpu_is("amd") && __get_cpuid(1, &eax, &ebx, &ecx, &edx) &&
           (eax >> 8 & 0xf) + (eax >> 20 & 0xff) >= 26;
}

/* Times measured on Zen 5. */
const struct bb_kernel bb_kernel_x86_64_avx = {
    .name = "x86_64-avx",
    .supported = has_avx_and_bmi1_and_2,
    .preferred = is_zen5_or_later,
    .max_lanes = 11,
    .shared_lanes = 4,
    .group_times = {969, 985, 1009, 1100, 1175, 1313, 1441, 1592, 1639, 1739, 1859},
    .functions = {&bb_few_lanes_x86_64_bextr[0], &bb_few_lanes_x86_64_bextr[1],
                  &bb_few_lanes_x86_64_bextr[2], FUNCTIONS_OF_4_TO_8, FUNCTIONS_AT(9),
                  FUNCTIONS_AT(10), FUNCTIONS_AT(11)},
};

#ifdef __clang__
#pragma clang attribute pop
#endif

#endif
