/* The variant for any CPU: plain C. */
#include "internal.h"

static inline uint32_t feistel(const struct bb_lane *lane, uint32_t half)
{
    const uint32_t *sbox = lane->words + BB_KEY_WORDS;
    uint32_t sum = sbox[half >> 24] + sbox[256 + (half >> 16 & 0xff)];
    return (sum ^ sbox[512 + (half >> 8 & 0xff)]) + sbox[768 + (half & 0xff)];
}

#include "variant.h"

static bool always(void)
{
    return true;
}

const struct bb_kernel bb_kernel_portable = {"portable", always, 6, LANE_FUNCTIONS};
