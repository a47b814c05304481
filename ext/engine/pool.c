/* Threads, and waiting for them: see pool.h. The only file that uses OpenMP.
 *
 * pthread_create makes one thread of a pool, the leader, which runs a parallel region. OpenMP makes
 * the other threads for this region, numbers them, and ends them with the region. pthreads locks
 * and conditions distribute the jobs, since OpenMP can't wait for a region with a time limit, or
 * leave the region because of an exception.
 *
 * This file works around three behaviours of libgomp.
 * - libgomp keeps a pool for each thread that runs parallel regions. After a fork the child still
 *   refers to the forking thread's pool, whose threads are gone: a region started there hangs. So
 *   threads of our own run the regions, new ones in each process.
 * - The threads of libgomp's pools end by pthread_exit, which unwinds their stacks with a library
 *   that glibc loads then. A fork in that moment leaves the child with half of that library, and
 *   the child's own threads abort. The threads of a nested region are made for the region and
 *   return. So our region is nested in a region of one thread, and lasts as long as its pool.
 * - libgomp ends the process when it can't create a thread. So a trial makes the threads first,
 *   with one to spare, and no other pool makes threads between the trial and the region.
 */
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "clock.h"

enum {
    /* How many more threads than wanted a trial must be able to make: room for libgomp's own
     * memory, and for other code that makes a thread at the same moment. */
    SPARE_THREADS = 1,
    /* A thread that has ended, of the last pool or of a trial, counts against the limits until the
     * system has cleared it away, which takes some microseconds. */
    CLEARING_NS = 20000000,
    PAUSE_NS = 200000,
};

struct bb_pool {
    pthread_t leader;
    unsigned generation; /* of the process that its threads live in */
    unsigned asked;      /* how many threads it was made for */
    unsigned wanted;     /* how many it makes; after the trial, as many as the system allows */
    _Atomic pid_t *ids;  /* of the threads, once they run */

    /* Guards the fields that follow. Each change signals `changed`. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned size; /* 0 until the threads are there */
    bb_work *work; /* NULL without a job */
    void *job;
    unsigned workers; /* how many workers may run the job */
    unsigned started; /* how many workers have started */
    unsigned running; /* how many workers are running */
    bool done;        /* a worker has returned: no other worker need start */
    bool quit;
};

static size_t trial_stack_bytes;

/* The error with which the system last refused a thread; 0 if it never did. */
static atomic_int refusal;

/* Counts the forks between this process and the first. */
static atomic_uint generation;

/* Held while a pool tries out threads and makes them. */
static pthread_mutex_t creation_lock = PTHREAD_MUTEX_INITIALIZER;

/* The shared pool, or NULL, and whether a batch uses it. */
static pthread_mutex_t shared_pool_lock = PTHREAD_MUTEX_INITIALIZER;
static struct bb_pool *shared_pool;
static bool shared_pool_in_use;

static void forget_pools(void)
{
    /* A thread of the parent may have held the locks. The shared pool is leaked: 200 bytes. */
    creation_lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    shared_pool_lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    shared_pool = NULL;
    shared_pool_in_use = false;
    atomic_fetch_add(&generation, 1);
}

bool bb_pool_prepare(int priority, size_t stack_bytes)
{
#ifdef _OPENMP
    if (omp_get_max_task_priority() == priority) {
        stack_bytes = 0;
    }
#else
    (void)priority;
    stack_bytes = 0;
#endif
    trial_stack_bytes = stack_bytes;
    return pthread_atfork(NULL, NULL, forget_pools) == 0;
}

unsigned bb_pool_generation(void)
{
    return atomic_load(&generation);
}

static bool is_from_before_fork(const struct bb_pool *pool)
{
    return pool->generation != bb_pool_generation();
}

/* Wait until the system has cleared away an ending thread, which then counts against no limit. */
static void wait_until_cleared(pid_t id, int64_t give_up_ns)
{
    while (thread_exists(id) && monotonic_ns() < give_up_ns) {
        sched_yield();
    }
}

static void pause_shortly(void)
{
    struct timespec pause = as_timespec(PAUSE_NS);
    nanosleep(&pause, NULL);
}

/* Signals are for the caller's threads: Python's handlers run there. All signals except those of a
 * fault are blocked while a thread is made; the thread and its own threads inherit the mask. */
static int create_thread(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                         void *argument)
{
    sigset_t blocked, before;
    sigfillset(&blocked);
    sigdelset(&blocked, SIGSEGV);
    sigdelset(&blocked, SIGBUS);
    sigdelset(&blocked, SIGFPE);
    sigdelset(&blocked, SIGILL);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    int error = pthread_create(thread, attributes, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        atomic_store(&refusal, error);
    }
    return error;
}

int bb_pool_refusal(void)
{
    return atomic_load(&refusal);
}

/* ---- Trying out threads ---- */

struct trial {
    pthread_t thread;
    pthread_mutex_t *gate;
    pid_t id;
};

static void *wait_at_gate(void *argument)
{
    struct trial *trial = argument;
    trial->id = thread_id();
    pthread_mutex_lock(trial->gate);
    pthread_mutex_unlock(trial->gate);
    return NULL;
}

/* How many of `wanted` threads can exist at once. The threads have ended when this returns. */
static unsigned count_threads_once(struct trial *trials, unsigned wanted)
{
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_attr_t attributes;
    size_t stack_bytes;
    unsigned count = 0;

    if (pthread_attr_init(&attributes) != 0) {
        return 0;
    }
    if (pthread_attr_getstacksize(&attributes, &stack_bytes) == 0 &&
        stack_bytes < trial_stack_bytes) {
        pthread_attr_setstacksize(&attributes, trial_stack_bytes);
    }
    pthread_mutex_lock(&gate);
    while (count < wanted) {
        struct trial *trial = &trials[count];
        trial->gate = &gate;
        if (create_thread(&trial->thread, &attributes, wait_at_gate, trial) != 0) {
            break;
        }
        count++;
    }
    pthread_mutex_unlock(&gate);
    pthread_attr_destroy(&attributes);
    int64_t give_up = monotonic_ns() + CLEARING_NS;
    for (unsigned i = 0; i < count; i++) {
        pthread_join(trials[i].thread, NULL);
        wait_until_cleared(trials[i].id, give_up);
    }
    return count;
}

/* How many of `wanted` threads the system allows; 0 without memory. */
static unsigned count_threads(unsigned wanted)
{
    unsigned tried = wanted + SPARE_THREADS;
    struct trial *trials = calloc(tried, sizeof trials[0]);
    int64_t give_up = monotonic_ns() + CLEARING_NS;
    unsigned count = 0;

    if (trials == NULL) {
        return 0;
    }
    while ((count = count_threads_once(trials, tried)) < tried && monotonic_ns() < give_up) {
        pause_shortly(); /* the threads of another pool may just be ending */
    }
    free(trials);
    return count > SPARE_THREADS ? count - SPARE_THREADS : 0;
}

/* ---- The pool's side ---- */

/* Run jobs until the pool ends. */
static void run_jobs(struct bb_pool *pool, unsigned thread)
{
    pool->ids[thread] = thread_id();
    if (thread == 0) { /* the leader, which begins after it has made all other threads */
        pthread_mutex_unlock(&creation_lock);
    }
    pthread_mutex_lock(&pool->lock);
    if (thread == 0) {
        pool->size = pool->wanted;
        pthread_cond_broadcast(&pool->changed);
    }
    while (!pool->quit) {
        if (pool->work == NULL || pool->done || pool->started == pool->workers) {
            pthread_cond_wait(&pool->changed, &pool->lock);
            continue;
        }
        unsigned worker = pool->started++;
        pool->running++;
        pthread_mutex_unlock(&pool->lock);
        pool->work(pool->job, worker);
        pthread_mutex_lock(&pool->lock);
        pool->done = true;
        if (--pool->running == 0) {
            pool->work = NULL;
            pthread_cond_broadcast(&pool->changed);
        }
    }
    pthread_mutex_unlock(&pool->lock);
}

#ifdef _OPENMP

static void run_threads(struct bb_pool *pool)
{
    omp_set_dynamic(0); /* in case another library's settings reached this libgomp first */
#pragma omp parallel num_threads(1)
    {
#pragma omp parallel num_threads((int)pool->wanted)
        run_jobs(pool, (unsigned)omp_get_thread_num());
    }
}

#else /* for macOS, and for ThreadSanitizer, which does not see how libgomp waits */

struct stand_in {
    pthread_t thread;
    struct bb_pool *pool;
    unsigned number;
};

static void *run_stand_in(void *argument)
{
    struct stand_in *self = argument;
    run_jobs(self->pool, self->number);
    return NULL;
}

static void run_threads(struct bb_pool *pool)
{
    struct stand_in others[pool->wanted];
    for (unsigned i = 1; i < pool->wanted; i++) {
        others[i] = (struct stand_in){.pool = pool, .number = i};
        if (create_thread(&others[i].thread, NULL, run_stand_in, &others[i]) != 0) {
            pool->wanted = i; /* other code has made threads since the trial */
        }
    }
    run_jobs(pool, 0);
    for (unsigned i = 1; i < pool->wanted; i++) {
        pthread_join(others[i].thread, NULL);
    }
}

#endif

static void *run_leader(void *argument)
{
    struct bb_pool *pool = argument;

    thread_set_name("bcrypt_batch"); /* on Linux the other threads inherit the name */
    pthread_mutex_lock(&creation_lock);
    pool->wanted = 1 + (pool->asked > 1 ? count_threads(pool->asked - 1) : 0);
    run_threads(pool);
    return NULL;
}

/* ---- The caller's side ---- */

static void free_pool(struct bb_pool *pool)
{
    free(pool->ids);
    free(pool);
}

static void post(struct bb_pool *pool, bb_work *work, void *job, unsigned workers)
{
    pool->work = work;
    pool->job = job;
    pool->workers = workers;
    pool->started = 0;
    pool->done = false;
}

/* Without `work` the pool has no job yet. */
struct bb_pool *bb_pool_make(bb_work *work, void *job, unsigned workers)
{
    struct bb_pool *pool = calloc(1, sizeof *pool);

    if (pool == NULL) {
        return NULL;
    }
    pool->ids = calloc(workers, sizeof pool->ids[0]);
    pool->asked = pool->wanted = workers;
    pool->generation = atomic_load(&generation);
    post(pool, work, job, workers);
    pthread_mutex_init(&pool->lock, NULL);
    init_monotonic_cond(&pool->changed);
    if (pool->ids == NULL || create_thread(&pool->leader, NULL, run_leader, pool) != 0) {
        pthread_cond_destroy(&pool->changed);
        pthread_mutex_destroy(&pool->lock);
        free_pool(pool);
        return NULL;
    }
    return pool;
}

static void end_pool(struct bb_pool *pool)
{
    /* In a child, a thread of the parent may hold the lock: there is nothing to end or destroy. */
    if (!is_from_before_fork(pool)) {
        pthread_mutex_lock(&pool->lock);
        pool->quit = true;
        pthread_cond_broadcast(&pool->changed);
        pthread_mutex_unlock(&pool->lock);
        pthread_join(pool->leader, NULL);
        /* libgomp does not join the other threads. They have left the region, and soon return. */
        int64_t give_up = monotonic_ns() + CLEARING_NS;
        for (unsigned i = 0; i < pool->wanted && pool->ids[i] != 0; i++) {
            wait_until_cleared(pool->ids[i], give_up);
        }
        pthread_cond_destroy(&pool->changed);
        pthread_mutex_destroy(&pool->lock);
    }
    free_pool(pool);
}

struct bb_pool *bb_pool_run(bb_work *work, void *job, unsigned workers)
{
    struct bb_pool *pool = NULL;

    pthread_mutex_lock(&shared_pool_lock);
    if (shared_pool != NULL && !shared_pool_in_use && shared_pool->asked >= workers) {
        shared_pool_in_use = true;
        pool = shared_pool;
    }
    pthread_mutex_unlock(&shared_pool_lock);
    if (pool == NULL) {
        return bb_pool_make(work, job, workers);
    }
    pthread_mutex_lock(&pool->lock);
    post(pool, work, job, workers);
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    return pool;
}

bool bb_pool_wait(struct bb_pool *pool, int64_t timeout_ns)
{
    if (is_from_before_fork(pool)) {
        return true;
    }
    struct timespec until = as_timespec(monotonic_ns() + timeout_ns);
    pthread_mutex_lock(&pool->lock);
    while (pool->work != NULL &&
           cond_wait_until(&pool->changed, &pool->lock, &until) != ETIMEDOUT) {
    }
    bool finished = pool->work == NULL;
    pthread_mutex_unlock(&pool->lock);
    return finished;
}

unsigned bb_pool_size(struct bb_pool *pool)
{
    if (is_from_before_fork(pool)) {
        return pool->size != 0 ? pool->size : pool->wanted;
    }
    pthread_mutex_lock(&pool->lock);
    while (pool->size == 0) {
        pthread_cond_wait(&pool->changed, &pool->lock);
    }
    unsigned size = pool->size;
    pthread_mutex_unlock(&pool->lock);
    return size;
}

void bb_pool_release(struct bb_pool *pool)
{
    pthread_mutex_lock(&shared_pool_lock);
    bool keep = pool == shared_pool;
    if (keep) {
        shared_pool_in_use = false;
    }
    pthread_mutex_unlock(&shared_pool_lock);
    if (!keep) {
        end_pool(pool);
    }
}

/* Replace the shared pool by another one, or by NULL. */
static void replace_shared(struct bb_pool *pool)
{
    pthread_mutex_lock(&shared_pool_lock);
    struct bb_pool *before = shared_pool;
    bool was_in_use = shared_pool_in_use;
    shared_pool = pool;
    shared_pool_in_use = false;
    pthread_mutex_unlock(&shared_pool_lock);
    if (before != NULL && !was_in_use) { /* else bb_pool_release ends it */
        end_pool(before);
    }
}

unsigned bb_pool_start_shared(unsigned workers)
{
    pthread_mutex_lock(&shared_pool_lock);
    bool there = shared_pool != NULL && shared_pool->asked == workers;
    unsigned size = there ? shared_pool->size : 0;
    pthread_mutex_unlock(&shared_pool_lock);
    if (there) {
        return size;
    }
    bb_pool_stop_shared(); /* first, because its threads count against the limits */
    struct bb_pool *pool = bb_pool_make(NULL, NULL, workers);
    if (pool == NULL) {
        return 1;
    }
    size = bb_pool_size(pool);
    if (size < 2) {
        end_pool(pool);
        return 1;
    }
    replace_shared(pool);
    return size;
}

void bb_pool_stop_shared(void)
{
    replace_shared(NULL);
}
