/* Batches, see batch.h: their memory, their workers, and their results. */
#define _GNU_SOURCE
#include "batch.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "pool.h"

enum {
    /* How often a worker looks at the clock and at `stopped`: about every millisecond, whatever the
     * cost, since one iteration takes some 60 us. A look takes some 30 ns. */
    ITERATIONS_PER_LOOK = 16,
};

struct group {
    uint32_t first; /* where its items begin in `order` */
    uint8_t lanes;
    uint8_t cost;
};

/* What one worker uses: 46 KB, on cache lines that no other worker writes to. */
struct worker {
    struct bb_group group;
    atomic_size_t items_done;
    _Atomic pid_t thread_id; /* 0 until it has finished a group */
    size_t index;            /* of the group that it computes */
    bool busy;
};

struct bb_batch {
    size_t count;
    struct bb_item *items;
    struct bb_setting *settings;
    uint32_t *index;   /* of each item, in the caller's input */
    atomic_bool *done; /* of each item */
    size_t count_of_cost[BB_MAX_COST + 1];

    const struct bb_kernel *kernel;
    unsigned lanes;
    uint32_t *order; /* the groups' items, one group after the other */
    struct group *groups;
    size_t group_count;
    struct worker *workers;
    size_t worker_count;

    struct bb_pool *pool; /* NULL if the caller computes */
    unsigned threads;     /* how many compute; 0 before the start */
    int64_t deadline_ns;
    atomic_size_t next_group;
    atomic_bool stopped;
};

/* ---- Items ---- */

struct bb_batch *bb_batch_make(size_t capacity, int64_t deadline_ns)
{
    struct bb_batch *batch = calloc(1, sizeof *batch);

    if (batch == NULL) {
        return NULL;
    }
    batch->deadline_ns = deadline_ns;
    batch->items = calloc(capacity + 1, sizeof batch->items[0]);
    batch->settings = calloc(capacity + 1, sizeof batch->settings[0]);
    batch->index = calloc(capacity + 1, sizeof batch->index[0]);
    batch->done = calloc(capacity + 1, sizeof batch->done[0]);
    batch->order = calloc(capacity + 1, sizeof batch->order[0]);
    if (batch->items == NULL || batch->settings == NULL || batch->index == NULL ||
        batch->done == NULL || batch->order == NULL) {
        bb_batch_free(batch);
        return NULL;
    }
    return batch;
}

void bb_batch_free(struct bb_batch *batch)
{
    if (batch->items != NULL) {
        bb_wipe(batch->items, batch->count * sizeof batch->items[0]);
    }
    if (batch->workers != NULL) {
        bb_wipe(batch->workers, batch->worker_count * sizeof batch->workers[0]);
    }
    free(batch->items);
    free(batch->settings);
    free(batch->index);
    free(batch->done);
    free(batch->order);
    free(batch->groups);
    free(batch->workers);
    free(batch);
}

bool bb_batch_is_late(const struct bb_batch *batch)
{
    return monotonic_ns() >= batch->deadline_ns;
}

void bb_batch_add(struct bb_batch *batch, uint32_t index, const uint8_t *password, size_t length,
                  const struct bb_setting *setting)
{
    size_t item = batch->count++;

    bb_load_item(&batch->items[item], password, length, setting);
    batch->settings[item] = *setting;
    batch->index[item] = index;
    batch->count_of_cost[setting->cost]++;
}

size_t bb_batch_count(const struct bb_batch *batch)
{
    return batch->count;
}

size_t bb_batch_count_of_cost(const struct bb_batch *batch, unsigned cost)
{
    return batch->count_of_cost[cost];
}

/* ---- The plan ---- */

static enum bb_plan check_cuts(const struct bb_batch *batch, const struct bb_cut *cuts,
                               size_t cut_count, unsigned max_lanes, size_t *group_count)
{
    size_t left[BB_MAX_COST + 1];

    if (batch->worker_count > 0) {
        return BB_PLAN_AGAIN;
    }
    memcpy(left, batch->count_of_cost, sizeof left);
    *group_count = 0;
    for (size_t i = 0; i < cut_count; i++) {
        const struct bb_cut *cut = &cuts[i];
        if (cut->cost > BB_MAX_COST || cut->lanes < 1 || cut->lanes > max_lanes) {
            return BB_PLAN_BAD_GROUP;
        }
        if (cut->count > left[cut->cost] / cut->lanes) {
            return BB_PLAN_TOO_MANY;
        }
        left[cut->cost] -= cut->lanes * cut->count;
        *group_count += cut->count;
    }
    for (unsigned cost = 0; cost <= BB_MAX_COST; cost++) {
        if (left[cost] > 0) {
            return BB_PLAN_ITEMS_LEFT;
        }
    }
    return BB_PLAN_OK;
}

/* Sort the items by cost, and give each group the next items of its cost. */
static void fill_groups(struct bb_batch *batch, const struct bb_cut *cuts, size_t cut_count)
{
    size_t first_of_cost[BB_MAX_COST + 1];
    size_t next[BB_MAX_COST + 1];
    struct group *group = batch->groups;
    size_t first = 0;

    for (unsigned cost = 0; cost <= BB_MAX_COST; cost++) {
        first_of_cost[cost] = first;
        first += batch->count_of_cost[cost];
    }
    memcpy(next, first_of_cost, sizeof next);
    for (size_t item = 0; item < batch->count; item++) {
        batch->order[next[batch->settings[item].cost]++] = (uint32_t)item;
    }
    memcpy(next, first_of_cost, sizeof next);
    for (size_t i = 0; i < cut_count; i++) {
        const struct bb_cut *cut = &cuts[i];
        for (size_t k = 0; k < cut->count; k++) {
            *group++ = (struct group){.first = (uint32_t)next[cut->cost],
                                      .lanes = (uint8_t)cut->lanes,
                                      .cost = (uint8_t)cut->cost};
            next[cut->cost] += cut->lanes;
        }
        if (cut->lanes > batch->lanes) {
            batch->lanes = cut->lanes;
        }
    }
}

enum bb_plan bb_batch_plan(struct bb_batch *batch, const struct bb_cut *cuts, size_t cut_count,
                           const struct bb_kernel *kernel, size_t workers)
{
    size_t group_count;
    enum bb_plan plan =
        check_cuts(batch, cuts, cut_count, bb_kernel_max_lanes(kernel), &group_count);

    if (plan != BB_PLAN_OK) {
        return plan;
    }
    if (workers > group_count) {
        workers = group_count > 0 ? group_count : 1;
    }
    struct group *groups = calloc(group_count + 1, sizeof groups[0]);
    struct worker *memory = aligned_alloc(64, workers * sizeof memory[0]);
    if (groups == NULL || memory == NULL) {
        free(groups);
        free(memory);
        return BB_PLAN_NO_MEMORY;
    }
    memset(memory, 0, workers * sizeof memory[0]);
    batch->kernel = kernel;
    batch->groups = groups;
    batch->group_count = group_count;
    batch->workers = memory;
    batch->worker_count = workers;
    fill_groups(batch, cuts, cut_count);
    return BB_PLAN_OK;
}

size_t bb_batch_workers(const struct bb_batch *batch)
{
    return batch->worker_count;
}

unsigned bb_batch_lanes(const struct bb_batch *batch)
{
    return batch->lanes;
}

/* ---- The workers ---- */

static bool must_leave(const struct bb_batch *batch, int64_t until_ns)
{
    return atomic_load_explicit(&batch->stopped, memory_order_acquire) ||
           monotonic_ns() >= until_ns;
}

/* Start or continue a worker's group; false if the worker must leave before the end. */
static bool compute_group(struct bb_batch *batch, struct worker *worker, int64_t until_ns)
{
    const struct group *group = &batch->groups[worker->index];
    const uint32_t *order = &batch->order[group->first];

    if (!worker->busy) {
        struct bb_item *items[BB_MAX_LANES];
        for (unsigned k = 0; k < group->lanes; k++) {
            items[k] = &batch->items[order[k]];
        }
        bb_group_start(&worker->group, batch->kernel, items, group->lanes, group->cost);
        worker->busy = true;
    }
    while (!bb_group_advance(&worker->group, ITERATIONS_PER_LOOK)) {
        if (must_leave(batch, until_ns)) {
            return false;
        }
    }
    worker->busy = false;
    atomic_store(&worker->thread_id, thread_id());
    for (unsigned k = 0; k < group->lanes; k++) {
        atomic_store_explicit(&batch->done[order[k]], true, memory_order_release);
    }
    atomic_fetch_add(&worker->items_done, group->lanes);
    return true;
}

/* Compute groups until none is left (true), or until the worker must leave (false). However
 * close `until_ns` is, a group advances by ITERATIONS_PER_LOOK. */
static bool compute_until(struct bb_batch *batch, struct worker *worker, int64_t until_ns)
{
    while (!must_leave(batch, batch->deadline_ns)) {
        if (!worker->busy) {
            worker->index = atomic_fetch_add(&batch->next_group, 1);
            if (worker->index >= batch->group_count) {
                return true;
            }
        }
        if (!compute_group(batch, worker, until_ns) || must_leave(batch, until_ns)) {
            return false;
        }
    }
    return false;
}

static void run_worker(void *job, unsigned number)
{
    struct bb_batch *batch = job;
    compute_until(batch, &batch->workers[number], batch->deadline_ns);
}

/* ---- The caller's side of a run ---- */

static void start(struct bb_batch *batch)
{
    batch->threads = 1;
    if (batch->worker_count > 1) {
        batch->pool = bb_pool_run(run_worker, batch, (unsigned)batch->worker_count);
    }
}

/* Call this only when no worker is in the batch any more. */
static void leave_pool(struct bb_batch *batch)
{
    unsigned size = bb_pool_size(batch->pool);

    batch->threads = size < batch->worker_count ? size : (unsigned)batch->worker_count;
    bb_pool_release(batch->pool);
    batch->pool = NULL;
}

static bool compute_here(struct bb_batch *batch, int64_t slice_ns)
{
    if (must_leave(batch, batch->deadline_ns)) {
        return true;
    }
    int64_t until_ns = monotonic_ns() + slice_ns;
    return compute_until(batch, &batch->workers[0],
                         until_ns < batch->deadline_ns ? until_ns : batch->deadline_ns);
}

bool bb_batch_advance(struct bb_batch *batch, int64_t slice_ns)
{
    if (batch->threads == 0) {
        start(batch);
    }
    if (batch->pool == NULL) {
        return compute_here(batch, slice_ns);
    }
    if (!bb_pool_wait(batch->pool, slice_ns)) {
        return false;
    }
    leave_pool(batch);
    return true;
}

void bb_batch_stop(struct bb_batch *batch)
{
    atomic_store_explicit(&batch->stopped, true, memory_order_release);
}

void bb_batch_abort(struct bb_batch *batch)
{
    bb_batch_stop(batch);
    if (batch->pool != NULL) {
        while (!bb_pool_wait(batch->pool, NS_PER_S)) {
        }
        leave_pool(batch);
    }
}

unsigned bb_batch_threads(const struct bb_batch *batch)
{
    return batch->threads;
}

/* ---- Results ---- */

size_t bb_batch_items_done(const struct bb_batch *batch)
{
    size_t items = 0;

    for (size_t i = 0; i < batch->worker_count; i++) {
        items += atomic_load(&batch->workers[i].items_done);
    }
    return items;
}

pid_t bb_batch_thread_id(const struct bb_batch *batch, size_t worker)
{
    return atomic_load(&batch->workers[worker].thread_id);
}

uint32_t bb_batch_index(const struct bb_batch *batch, size_t item)
{
    return batch->index[item];
}

bool bb_batch_is_done(const struct bb_batch *batch, size_t item)
{
    return atomic_load_explicit(&batch->done[item], memory_order_acquire);
}

void bb_batch_format(const struct bb_batch *batch, size_t item, char hash[BB_HASH_CHARS])
{
    bb_format_hash(&batch->settings[item], batch->items[item].digest, hash);
}

bool bb_batch_matches(const struct bb_batch *batch, size_t item, const char hash[BB_HASH_CHARS])
{
    char made[BB_HASH_CHARS];

    bb_batch_format(batch, item, made);
    bool same = bb_equal(made, hash, BB_HASH_CHARS);
    bb_wipe(made, sizeof made);
    return same;
}
