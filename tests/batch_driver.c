/* Batches without Python: each promise of batch.h, with one worker and with several. Prints a line
 * for each thing that is counted. What would compute for ever is ended by an alarm. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

static void look_and_free(void *memory);

enum { ALL_THREADS = 1000000 };

/* How many more threads pool.c may make by itself. */
static atomic_int allowed_threads = ALL_THREADS;

static int create_if_allowed(pthread_t *thread, const pthread_attr_t *attributes,
                             void *(*run)(void *), void *argument)
{
    if (atomic_fetch_sub(&allowed_threads, 1) <= 0) {
        return EAGAIN;
    }
    return pthread_create(thread, attributes, run, argument);
}

#define free look_and_free
#include "../ext/engine/batch.c"
#undef free
#define pthread_create create_if_allowed
#include "../ext/engine/pool.c"
#undef pthread_create

#include <stdio.h>

enum { ITEMS = 50, LANES = 3, SLICE_NS = 2000000, PATIENCE_S = 120 };

static const int64_t FOREVER = INT64_MAX;

/* What is to be wiped when a batch is freed. */
static struct {
    const void *start;
    size_t length;
    bool wiped;
} secrets[2];

static void look_and_free(void *memory)
{
    for (unsigned i = 0; i < 2; i++) {
        const char *bytes = memory;
        if (memory == NULL || memory != secrets[i].start) {
            continue;
        }
        secrets[i].wiped = true;
        for (size_t k = 0; k < secrets[i].length; k++) {
            secrets[i].wiped = secrets[i].wiped && bytes[k] == 0;
        }
    }
    free(memory);
}

/* A password of its own for each item; every second one has the other cost. */
static struct bb_batch *make(size_t items, int64_t deadline_ns, uint8_t cost, uint8_t other)
{
    struct bb_batch *batch = bb_batch_make(items, deadline_ns);

    for (uint32_t i = 0; i < items; i++) {
        struct bb_setting setting = {
            .version = 'b', .cost = i % 2 ? other : cost, .salt = {(uint8_t)i}};
        bb_batch_add(batch, (uint32_t)items - 1 - i, (const uint8_t *)&i, sizeof i, &setting);
    }
    return batch;
}

static enum bb_plan plan(struct bb_batch *batch, size_t workers)
{
    struct bb_cut cuts[2 * (BB_MAX_COST + 1)];
    size_t count = 0;

    for (unsigned cost = 0; cost <= BB_MAX_COST; cost++) {
        size_t items = bb_batch_count_of_cost(batch, cost);
        cuts[count++] = (struct bb_cut){cost, LANES, items / LANES};
        if (items % LANES > 0) {
            cuts[count++] = (struct bb_cut){cost, (unsigned)(items % LANES), 1};
        }
    }
    return bb_batch_plan(batch, cuts, count, bb_choose_kernel(), workers);
}

static size_t count_done(const struct bb_batch *batch)
{
    size_t done = 0;

    for (size_t i = 0; i < bb_batch_count(batch); i++) {
        done += bb_batch_is_done(batch, i);
    }
    return done;
}

/* Compute an item alone, by the kernel. */
static void hash_alone(const struct bb_batch *batch, size_t item, char hash[BB_HASH_CHARS])
{
    static struct bb_group group;
    struct bb_item alone, *items[] = {&alone};
    uint32_t password = (uint32_t)item;

    bb_load_item(&alone, (const uint8_t *)&password, sizeof password, &batch->settings[item]);
    bb_group_start(&group, bb_choose_kernel(), items, 1, batch->settings[item].cost);
    bb_group_advance(&group, (uint64_t)1 << batch->settings[item].cost);
    bb_format_hash(&batch->settings[item], alone.digest, hash);
}

/* How many items that are done have another hash than alone, or another index than they got. */
static size_t count_wrong(const struct bb_batch *batch)
{
    char alone[BB_HASH_CHARS], made[BB_HASH_CHARS];
    size_t wrong = 0;

    for (size_t i = 0; i < bb_batch_count(batch); i++) {
        if (!bb_batch_is_done(batch, i)) {
            continue;
        }
        hash_alone(batch, i, alone);
        bb_batch_format(batch, i, made);
        wrong += memcmp(alone, made, sizeof made) != 0 || !bb_batch_matches(batch, i, alone);
        alone[BB_HASH_CHARS - 1] ^= 1;
        wrong += bb_batch_matches(batch, i, alone);
        wrong += bb_batch_index(batch, i) != bb_batch_count(batch) - 1 - i;
    }
    return wrong;
}

static void free_and_look(struct bb_batch *batch)
{
    secrets[0].start = batch->items;
    secrets[0].length = batch->count * sizeof batch->items[0];
    secrets[1].start = batch->workers;
    secrets[1].length = batch->worker_count * sizeof batch->workers[0];
    secrets[0].wiped = secrets[1].wiped = false;
    bb_batch_free(batch);
    printf("wiped: items %d, workers %d\n", secrets[0].wiped, secrets[1].wiped);
}

static void compute_all(size_t workers, int64_t slice_ns)
{
    struct bb_batch *batch = make(ITEMS, FOREVER, BB_MIN_COST + 1, BB_MIN_COST);
    size_t before = 0;
    size_t shrunk = 0;

    plan(batch, workers);
    while (!bb_batch_advance(batch, slice_ns)) {
        shrunk += bb_batch_items_done(batch) < before;
        before = bb_batch_items_done(batch);
    }
    size_t here = 0;
    size_t elsewhere = 0;
    for (size_t i = 0; i < bb_batch_workers(batch); i++) {
        pid_t id = bb_batch_thread_id(batch, i);
        here += id == thread_id();
        elsewhere += id != 0 && id != thread_id();
    }
    printf("workers %zu: lanes %u, threads %u, done %zu of %zu, wrong %zu, shrunk %zu, here %d, "
           "elsewhere %d\n",
           bb_batch_workers(batch), bb_batch_lanes(batch), bb_batch_threads(batch),
           count_done(batch), bb_batch_items_done(batch), count_wrong(batch), shrunk, here > 0,
           elsewhere > 0);
    free_and_look(batch);
}

/* Of costs that take for ever: the batch ends because of what `how` says, and nothing is done. */
static void end_early(size_t workers, const char *how)
{
    int64_t deadline_ns = *how == 'd' ? monotonic_ns() + SLICE_NS : FOREVER;
    struct bb_batch *batch = make(2 * LANES, deadline_ns, BB_MAX_COST, BB_MAX_COST);

    plan(batch, workers);
    while (!bb_batch_advance(batch, SLICE_NS)) {
        if (*how == 'a') {
            bb_batch_abort(batch);
            break;
        }
        if (*how == 's') {
            bb_batch_stop(batch);
        }
    }
    printf("workers %zu, %s: late %d, done %zu\n", workers, how, bb_batch_is_late(batch),
           count_done(batch));
    free_and_look(batch);
}

struct stopper {
    pthread_t thread;
    struct bb_batch *batch;
};

static void *stop_midway(void *argument)
{
    struct bb_batch *batch = ((struct stopper *)argument)->batch;

    while (bb_batch_items_done(batch) < 2 * LANES) {
        sched_yield();
    }
    bb_batch_stop(batch);
    return NULL;
}

/* Another thread stops it when half of it is done, which is right, and counted; the other half
 * would take for ever. */
static void stop_from_another_thread(size_t workers)
{
    struct stopper stopper = {.batch = make(4 * LANES, FOREVER, BB_MIN_COST, BB_MAX_COST)};

    plan(stopper.batch, workers);
    pthread_create(&stopper.thread, NULL, stop_midway, &stopper);
    while (!bb_batch_advance(stopper.batch, SLICE_NS)) {
    }
    pthread_join(stopper.thread, NULL);
    printf("workers %zu, stopped midway: done %zu of %zu, wrong %zu\n", workers,
           count_done(stopper.batch), bb_batch_items_done(stopper.batch),
           count_wrong(stopper.batch));
    bb_batch_free(stopper.batch);
}

/* However short its slices, a batch goes on: in each a look of 16 iterations. */
static void shortest_slices(void)
{
    struct bb_batch *batch = make(1, FOREVER, 8, 8);
    unsigned slices = 1;

    plan(batch, 1);
    while (!bb_batch_advance(batch, 0)) {
        slices++;
    }
    printf("shortest slices for 256 iterations: %u\n", slices);
    bb_batch_free(batch);
}

static void plans(void)
{
    struct bb_batch *batch = make(4, FOREVER, BB_MIN_COST, BB_MIN_COST + 1);
    struct bb_cut good[] = {{BB_MIN_COST + 1, 2, 1}, {BB_MIN_COST, 1, 2}};
    struct bb_cut too_many[] = {{BB_MIN_COST, 1, (size_t)1 << 62}};
    struct bb_cut bad[] = {{BB_MIN_COST, 0, 1},
                           {BB_MIN_COST, bb_kernel_max_lanes(bb_choose_kernel()) + 1, 1},
                           {BB_MAX_COST + 1, 1, 1}};
    unsigned refused = 0;

    for (unsigned i = 0; i < 3; i++) {
        refused += bb_batch_plan(batch, &bad[i], 1, bb_choose_kernel(), 1) == BB_PLAN_BAD_GROUP;
    }
    refused += bb_batch_plan(batch, too_many, 1, bb_choose_kernel(), 1) == BB_PLAN_TOO_MANY;
    refused += bb_batch_plan(batch, good, 1, bb_choose_kernel(), 1) == BB_PLAN_ITEMS_LEFT;
    refused += bb_batch_workers(batch) == 0;
    bool taken = bb_batch_plan(batch, good, 2, bb_choose_kernel(), 9) == BB_PLAN_OK;
    refused += bb_batch_plan(batch, good, 2, bb_choose_kernel(), 9) == BB_PLAN_AGAIN;
    printf("plans: taken %d, refused %u, workers %zu, lanes %u\n", taken, refused,
           bb_batch_workers(batch), bb_batch_lanes(batch));
    bb_batch_free(batch);

    batch = make(0, FOREVER, BB_MIN_COST, BB_MIN_COST);
    taken = bb_batch_plan(batch, NULL, 0, bb_choose_kernel(), 9) == BB_PLAN_OK;
    printf("a batch of nothing: taken %d, over %d\n", taken, bb_batch_advance(batch, 0));
    bb_batch_free(batch);
}

/* Between the trial, which makes three threads to see whether two more are possible, and the making
 * of these two, the system takes back the last. */
static void lose_a_thread(void)
{
#ifdef _OPENMP
    const char *maker = "OpenMP";
#else
    const char *maker = "pool.c";
#endif
    atomic_store(&allowed_threads, 1 + 3 + 1);
    struct bb_pool *pool = bb_pool_make(NULL, NULL, 3);
    unsigned made = bb_pool_size(pool);
    printf("made by %s: %u of 3, refusal %d\n", maker, made, bb_pool_refusal() == EAGAIN);
    end_pool(pool);
    atomic_store(&allowed_threads, ALL_THREADS);
}

int main(void)
{
    alarm(PATIENCE_S);
    bb_pool_prepare(0, 0);
    plans();
    shortest_slices();
    for (size_t workers = 1; workers <= 3; workers++) {
        compute_all(workers, workers == 2 ? 0 : SLICE_NS);
    }
    bb_pool_start_shared(2);
    compute_all(2, SLICE_NS);
    for (size_t workers = 1; workers <= 2; workers++) {
        end_early(workers, "deadline");
        end_early(workers, "stop");
        end_early(workers, "abort");
        stop_from_another_thread(workers);
    }
    bb_pool_stop_shared();
    lose_a_thread();
    return 0;
}
