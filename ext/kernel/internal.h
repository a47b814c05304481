/* Shared by the kernel's own files: big-endian loads and stores, wiping, and the variant table. */
#ifndef BCRYPT_BATCH_INTERNAL_H
#define BCRYPT_BATCH_INTERNAL_H

#include <string.h>

#include "kernel.h"

/* The variants that this compiler can build for this target, besides the portable one. The variants
 * for x86-64 need unrolled loops, so that the offsets in their addresses are constants: x86_64.h
 * makes gcc unroll them, and clang unrolls them at every level but -O0. */
#if defined __GNUC__ && defined __x86_64__ && defined __LP64__ &&                                  \
    (!defined __clang__ || defined __OPTIMIZE__)
#define BB_HAVE_X86_64
#endif
#if defined __GNUC__ && defined __AARCH64EL__ && defined __LP64__
#define BB_HAVE_AARCH64
#endif

#define ALWAYS_INLINE inline __attribute__((always_inline))

/* Blowfish's initial state, from the digits of pi: constants.c, generated. */
extern const struct bb_lane bb_initial_lane;

/* The functions for one lane count: they compute as many adjacent lanes, starting anywhere in a
 * group, and their items. */
struct bb_lane_functions {
    void (*start)(struct bb_lane *lanes, struct bb_item *const *items);
    void (*advance)(struct bb_lane *lanes, struct bb_item *const *items, uint64_t iterations);
    void (*finish)(const struct bb_lane *lanes, struct bb_item *const *items);
};

struct bb_kernel {
    const char *name;
    bool (*supported)(void); /* whether this CPU can run it */
    bool (*preferred)(void); /* whether it should run it rather than a later variant */
    unsigned max_lanes;      /* of a group: the length of the tables below */
    unsigned shared_lanes;
    uint32_t group_times[BB_MAX_LANES];                      /* [k - 1]: the time of k lanes */
    const struct bb_lane_functions *functions[BB_MAX_LANES]; /* [k - 1] computes k lanes */
};

static inline bool always(void)
{
    return true;
}

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

#endif
