/* Batched bcrypt: the public API of the kernel.
 *
 * Several passwords ("lanes") are computed together by one thread; such a set is a group. A group
 * is advanced in as many steps as the caller likes, and leaves its digests in its items. Items
 * may start and finish together, or join and leave while others are computed, whatever the cost of
 * each: an iteration is the same at every cost. Nothing here allocates, locks, reads a clock or
 * depends on Python, and nothing can fail once a setting has been parsed.
 *
 * What a caller may do:
 * - Call anything from any thread, at the same time as anything else, as long as no two calls use
 *   one group, item or output at once. All state is the caller's. A group may continue in another
 *   thread.
 * - Start a group anew at any time, finished or not. An unfinished group still holds the expanded
 *   passwords: bb_wipe it.
 * - Reload or free an item as soon as it is finished or dropped, or its group given up; until then
 *   the group reads it. An item is in one group at a time. Items hold passwords: bb_wipe them.
 * - Rely on 4 KiB of stack for any call, at every optimization level; README.md has the
 *   measurement.
 * - Include this from C++17 or later (before, `new` does not align); the kernel is compiled as C.
 *
 * Algorithm: Provos and Mazieres, "A Future-Adaptable Password Scheme", USENIX 1999.
 */
#ifndef BCRYPT_BATCH_KERNEL_H
#define BCRYPT_BATCH_KERNEL_H

#ifndef __cplusplus
#include <stdalign.h>
#include <stdbool.h>
#endif
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    BB_MAX_LANES = 11, /* of any variant */
    BB_MIN_COST = 4,
    BB_MAX_COST = 31,
    BB_MAX_KEY_BYTES = 72,
    BB_KEY_WORDS = 18,
    BB_SALT_BYTES = 16,
    BB_SALT_WORDS = 4,
    BB_DIGEST_WORDS = 6,
    BB_SETTING_CHARS = 29, /* $2b$cc$ and 22 characters of salt */
    BB_HASH_CHARS = 60,    /* a setting and 31 characters of digest */
    BB_LANE_WORDS = BB_KEY_WORDS + 4 * 256,
};

/* Why a setting was refused. */
enum bb_status {
    BB_OK,
    BB_BAD_LENGTH,
    BB_BAD_PREFIX,
    BB_BAD_COST,
    BB_BAD_SALT,
    BB_BAD_DIGEST,
};

/* The fields of the 29 characters before a digest. `version` is the letter after "$2". */
struct bb_setting {
    char version;
    uint8_t cost;
    uint8_t salt[BB_SALT_BYTES];
};

/* One password: its key, cycled to the length of the subkeys, its salt, and then its digest. */
struct bb_item {
    uint32_t key[BB_KEY_WORDS];
    uint32_t salt[BB_SALT_WORDS];
    uint32_t digest[BB_DIGEST_WORDS];
};

/* Blowfish's state: 18 subkeys, then four S-boxes of 256 words. In one array, because the key
 * schedule overwrites it from end to end. */
struct bb_lane {
    uint32_t words[BB_LANE_WORDS];
};

/* One compiled variant of the interleaved computation; see internal.h. */
struct bb_kernel;

/* A group in flight. Callers own the memory, aligned to 64 bytes, and read only `lanes`, the number
 * of items being computed, and `item`, the items in no particular order. Lanes lie side by side so
 * that one base register reaches all of them; at 4168 bytes each, the subkeys of different lanes
 * fall into different cache sets. */
struct bb_group {
    alignas(64) struct bb_lane lane[BB_MAX_LANES];
    struct bb_item *item[BB_MAX_LANES];
    uint64_t iterations_left[BB_MAX_LANES];
    const struct bb_kernel *kernel;
    unsigned lanes;
};

/* Parse a setting, or a whole hash, whose digest must then be in the alphabet too. The prefix is
 * $2a$, $2b$, $2x$ or $2y$, the cost two digits, the salt's last character canonical. `setting` is
 * valid only after BB_OK. */
enum bb_status bb_parse_setting(const uint8_t *text, size_t length, struct bb_setting *setting);
enum bb_status bb_parse_hash(const uint8_t *text, size_t length, struct bb_setting *setting);

void bb_format_setting(const struct bb_setting *setting, char text[BB_SETTING_CHARS]);
void bb_format_hash(const struct bb_setting *setting, const uint32_t digest[BB_DIGEST_WORDS],
                    char text[BB_HASH_CHARS]);

/* Fill an item's key and salt. The key is the password and a NUL, cut to 72 bytes. */
void bb_load_item(struct bb_item *item, const uint8_t *password, size_t length,
                  const struct bb_setting *setting);

/* The variants compiled in, best first, and the best variant for this CPU. Choose once: in a
 * virtual machine, identifying the CPU takes some 8 us. */
const struct bb_kernel *const *bb_kernels(size_t *count);
const struct bb_kernel *bb_choose_kernel(void);
const char *bb_kernel_name(const struct bb_kernel *kernel);
bool bb_kernel_supported(const struct bb_kernel *kernel);

/* The most lanes that a group of a variant may have: BB_MAX_LANES or fewer. */
unsigned bb_kernel_max_lanes(const struct bb_kernel *kernel);

/* How long a group of 1 to bb_kernel_max_lanes takes, from [0] on: hundredths of a cycle a round.
 * Each variant's file names the source and the CPU; only the proportions matter. */
const uint32_t *bb_kernel_group_times(const struct bb_kernel *kernel);

/* The fastest number of lanes if two threads share a core, each with half of the core's issue slots
 * and level-1 cache. */
unsigned bb_kernel_shared_lanes(const struct bb_kernel *kernel);

/* Begin to compute `lanes` items (1 to bb_kernel_max_lanes) of one cost (0 to 31). The array of
 * pointers is copied, the items are not. */
void bb_group_start(struct bb_group *group, const struct bb_kernel *kernel,
                    struct bb_item *const *items, unsigned lanes, unsigned cost);

/* The same in two steps. bb_group_open empties the group. bb_group_join adds `count` items (1 or
 * more, up to bb_kernel_max_lanes in total) of one cost; more may join at any time, at any cost. */
void bb_group_open(struct bb_group *group, const struct bb_kernel *kernel);
void bb_group_join(struct bb_group *group, struct bb_item *const *items, unsigned count,
                   unsigned cost);

/* Run up to `iterations` of the 2^cost iterations of every item, at most the fewest that any item
 * has left. Items with none left are then finished: they hold their digests, their lanes are wiped,
 * `lanes` is reduced by their number, and they follow the others in `item`. True once no item is
 * left; further calls return true, and touch neither the group nor its items. */
bool bb_group_advance(struct bb_group *group, uint64_t iterations);

/* Give up item[k], without a digest; its lane is wiped, and the last item takes its place. */
void bb_group_drop(struct bb_group *group, unsigned k);

/* Test every lane count of a supported variant with known answers. Returns the lane count that
 * failed, or 0. `scratch` is overwritten: 46 KB, too large for a small stack. May be repeated. */
unsigned bb_self_test(struct bb_group *scratch, const struct bb_kernel *kernel);

/* Compare in a time that doesn't depend on where the first difference is. */
bool bb_equal(const void *a, const void *b, size_t length);

/* Zero memory; the compiler can't optimize this away. */
void bb_wipe(void *memory, size_t length);

#ifdef __cplusplus
}
#endif

#endif
