/* The variant for any CPU: plain C. */
#include "internal.h"

static ALWAYS_INLINE uint32_t half_round(const struct bb_lane *lanes, unsigned k, unsigned round,
                                         uint32_t half, uint32_t other)
{
    const uint32_t *words = lanes[k].words;
    const uint32_t *sbox = words + BB_KEY_WORDS;
    uint32_t sum = sbox[half >> 24] + sbox[256 + (half >> 16 & 0xff)];
    sum = (sum ^ sbox[512 + (half >> 8 & 0xff)]) + sbox[768 + (half & 0xff)];
    return other ^ (words[round] ^ sum);
}

#include "halves.h"
#include "variant.h"

/* Times measured on Sapphire Rapids with gcc 12. */
const struct bb_kernel bb_kernel_portable = {
    .name = "portable",
    .supported = always,
    .preferred = always,
    .max_lanes = 8,
    .shared_lanes = 4,
    .group_times = {1142, 1204, 1290, 1404, 1535, 1704, 1911, 2280},
    .functions = LANE_FUNCTIONS,
};
