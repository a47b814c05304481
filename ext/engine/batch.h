/* Batches: the items of one call, computed in groups by the threads of a pool, or by the caller.
 *
 * In this order: make a batch, add its items, plan their groups, advance the batch until it is
 * over, or abort it. Results can be read at any time, even after a stop, a deadline or an abort. A
 * batch can be freed at any time except during its run.
 *
 * Once a batch is planned nothing fails. A batch is over when all its groups are computed, when it
 * was stopped, or at its deadline: workers check for both about every millisecond.
 *
 * One thread at a time may use a batch. But any thread may stop it or read its results at any time:
 * an item that is done does not change any more.
 */
#ifndef BCRYPT_BATCH_BATCH_H
#define BCRYPT_BATCH_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel.h"

struct bb_batch;

/* `count` groups of `lanes` items of one cost each. */
struct bb_cut {
    unsigned cost;
    unsigned lanes;
    size_t count;
};

/* Whether a plan was taken, or why it was not. */
enum bb_plan {
    BB_PLAN_OK,
    BB_PLAN_AGAIN,      /* the batch has a plan already */
    BB_PLAN_BAD_GROUP,  /* a group has no lanes, too many, or an invalid cost */
    BB_PLAN_TOO_MANY,   /* groups have more items of a cost than the batch */
    BB_PLAN_ITEMS_LEFT, /* an item is in no group */
    BB_PLAN_NO_MEMORY,
};

/* Make a batch of up to `capacity` items, fewer than UINT32_MAX. `deadline_ns` is on the clock of
 * clock.h. NULL without memory. */
struct bb_batch *bb_batch_make(size_t capacity, int64_t deadline_ns);

/* Free a batch, and wipe its keys, its digests and the states of its lanes. */
void bb_batch_free(struct bb_batch *batch);

/* Whether the deadline has passed. */
bool bb_batch_is_late(const struct bb_batch *batch);

/* Add an item to be hashed under a setting; `index` identifies it to the caller. */
void bb_batch_add(struct bb_batch *batch, uint32_t index, const uint8_t *password, size_t length,
                  const struct bb_setting *setting);

/* How many items were added, and how many of them have the cost `cost`. */
size_t bb_batch_count(const struct bb_batch *batch);
size_t bb_batch_count_of_cost(const struct bb_batch *batch, unsigned cost);

/* Plan the groups, to be computed in this order, for up to `workers` workers (1 or more). Only one
 * plan can succeed; after a failure, try another. */
enum bb_plan bb_batch_plan(struct bb_batch *batch, const struct bb_cut *cuts, size_t cut_count,
                           const struct bb_kernel *kernel, size_t workers);

/* The planned number of workers, at most one for each group, and the most items in a group. Before
 * the plan there are 0 workers. */
size_t bb_batch_workers(const struct bb_batch *batch);
unsigned bb_batch_lanes(const struct bb_batch *batch);

/* Continue for at most `slice_ns` (0 to 10^18): wait for the threads of a pool, which the first
 * call starts; or compute, if one worker is planned or the system refuses even one thread. True
 * when the batch is over, and no worker is in it any more. In a child after a fork, a batch that
 * threads of the parent computed is over. */
bool bb_batch_advance(struct bb_batch *batch, int64_t slice_ns);

/* Make all workers leave within about a millisecond. */
void bb_batch_stop(struct bb_batch *batch);

/* Stop a batch that is not over. When this returns, no worker is in it any more. */
void bb_batch_abort(struct bb_batch *batch);

/* How many threads computed a batch that is over: fewer than planned if the system refused some. */
unsigned bb_batch_threads(const struct bb_batch *batch);

/* How many items are done. */
size_t bb_batch_items_done(const struct bb_batch *batch);

/* The thread id of a worker (0 to bb_batch_workers - 1), or 0 if it finished no item. */
pid_t bb_batch_thread_id(const struct bb_batch *batch, size_t worker);

/* One item (0 to bb_batch_count - 1): its index from bb_batch_add, and whether it is done. The last
 * two functions need an item that is done: they write its hash, or compare it with `hash` in a time
 * that depends on neither hash. */
uint32_t bb_batch_index(const struct bb_batch *batch, size_t item);
bool bb_batch_is_done(const struct bb_batch *batch, size_t item);
void bb_batch_format(const struct bb_batch *batch, size_t item, char hash[BB_HASH_CHARS]);
bool bb_batch_matches(const struct bb_batch *batch, size_t item, const char hash[BB_HASH_CHARS]);

#endif
