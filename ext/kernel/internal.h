/* Shared by the kernel's own files: big-endian loads and stores, wiping, and the variant table. */
#ifndef BCRYPT_BATCH_INTERNAL_H
#define BCRYPT_BATCH_INTERNAL_H

#include <string.h>

#include "kernel.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))

/* Blowfish's initial state, from the digits of pi: tables.c, generated. */
extern const struct bb_lane bb_initial_lane;

/* The computation for one lane count. Advancing must not touch `iterations_left`. */
struct bb_lane_functions {
    void (*start)(struct bb_group *group);
    void (*advance)(struct bb_group *group, uint64_t iterations);
    void (*finish)(struct bb_group *group);
};

struct bb_kernel {
    const char *name;
    bool (*supported)(void);
    unsigned best_lanes;
    struct bb_lane_functions functions[BB_MAX_LANES]; /* [k - 1] computes k lanes */
};

static inline uint32_t load_be32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static inline void store_be32(uint8_t *bytes, uint32_t word)
{
    bytes[0] = (uint8_t)(word >> 24);
    bytes[1] = (uint8_t)(word >> 16);
    bytes[2] = (uint8_t)(word >> 8);
    bytes[3] = (uint8_t)word;
}

/* Two words of a lane at once. */
static inline void store_pair(uint32_t *words, uint32_t left, uint32_t right)
{
    words[0] = left;
    words[1] = right;
}

#endif
