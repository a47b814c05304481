/* Threads, and waiting for them: see crew.h. The only file that uses OpenMP.
 *
 * libgomp has habits that this file is built around.
 * - It keeps a pool for each thread that runs parallel regions. In a child after fork the pool of
 *   the forking thread is gone but not forgotten: a region started there hangs. So regions are run
 *   by threads of our own, new ones in each process.
 * - The threads of such a pool end by pthread_exit, that is by unwinding their stacks, for which
 *   glibc loads a library. A fork in that moment leaves the child with half of it, and its own
 *   threads abort. Those of a nested region are made for it and return: so ours is one, inside a
 *   region of one thread, and lasts as long as its crew.
 * - It ends the process when it can't create a thread. So the threads that it will need are tried
 *   out first, with one to spare, and nobody else's crew grows between the trial and the region.
 */
#define _GNU_SOURCE
#include "crew.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "clock.h"

enum {
    /* What must remain when libgomp has made its threads: for its own memory, and for whoever
     * else makes a thread in that moment. */
    SPARE_THREADS = 1,
    /* A thread that has ended counts against the limits until the system has cleared it away,
     * which takes some microseconds: of a crew before this one, and of a trial. */
    CLEARING_NS = 20000000,
    PAUSE_NS = 200000,
};

struct bb_crew {
    pthread_t leader;
    unsigned generation; /* of the process that its threads live in */
    unsigned asked;      /* how many threads it was made for */
    unsigned wanted;     /* how many it makes: after the trial, as many as the system allows */
    _Atomic pid_t *ids;  /* of the threads, once they run */

    /* Guards what follows. `changed` is told of each change. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned size; /* 0 until the threads are there */
    bb_work *work; /* NULL without a job */
    void *job;
    unsigned workers; /* how many may run it */
    unsigned begun;   /* how many have begun */
    unsigned running; /* and not ended */
    bool exhausted;   /* one has returned: the others need not begin */
    bool quit;
};

static size_t trial_stack_bytes;

/* Counts the forks between this process and the first. */
static atomic_uint generation;

/* Held while a crew tries out threads and makes them. */
static pthread_mutex_t growing = PTHREAD_MUTEX_INITIALIZER;

/* The crew that is kept, and whether it is lent. */
static pthread_mutex_t keeping = PTHREAD_MUTEX_INITIALIZER;
static struct bb_crew *kept;
static bool kept_is_lent;

static void forget_crews(void)
{
    /* A thread of the parent may have held these. What was kept is leaked: 200 bytes. */
    growing = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    keeping = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    kept = NULL;
    kept_is_lent = false;
    atomic_fetch_add(&generation, 1);
}

bool bb_crew_prepare(int priority, size_t stack_bytes)
{
#ifdef _OPENMP
    if (omp_get_max_task_priority() == priority) {
        stack_bytes = 0;
    }
#endif
    trial_stack_bytes = stack_bytes;
    return pthread_atfork(NULL, NULL, forget_crews) == 0;
}

unsigned bb_crew_generation(void)
{
    return atomic_load(&generation);
}

static bool is_from_before_fork(const struct bb_crew *crew)
{
    return crew->generation != bb_crew_generation();
}

/* Wait until the system has cleared away a thread that ends, so that it counts against no limit. */
static void wait_until_cleared(pid_t id, int64_t give_up_ns)
{
    while (syscall(SYS_tgkill, getpid(), id, 0) == 0 && monotonic_ns() < give_up_ns) {
        sched_yield();
    }
}

static void pause_shortly(void)
{
    struct timespec pause = as_timespec(PAUSE_NS);
    nanosleep(&pause, NULL);
}

/* Signals are for the caller's threads: Python's handlers run there. All but those of a fault are
 * blocked while a thread is made, which inherits that, as do the threads that it makes. */
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
    return error;
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
    trial->id = (pid_t)syscall(SYS_gettid);
    pthread_mutex_lock(trial->gate);
    pthread_mutex_unlock(trial->gate);
    return NULL;
}

/* How many of `wanted` threads live at once. They are gone when this returns. */
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
        pause_shortly(); /* the threads of another crew may just be ending */
    }
    free(trials);
    return count > SPARE_THREADS ? count - SPARE_THREADS : 0;
}

/* ---- The crew's side ---- */

/* Run jobs until there are no more to come. */
static void serve(struct bb_crew *crew, unsigned thread)
{
    crew->ids[thread] = (pid_t)syscall(SYS_gettid);
    if (thread == 0) { /* the leader, which has made all others before it begins itself */
        pthread_mutex_unlock(&growing);
    }
    pthread_mutex_lock(&crew->lock);
    if (thread == 0) {
        crew->size = crew->wanted;
        pthread_cond_broadcast(&crew->changed);
    }
    while (!crew->quit) {
        if (crew->work == NULL || crew->exhausted || crew->begun == crew->workers) {
            pthread_cond_wait(&crew->changed, &crew->lock);
            continue;
        }
        unsigned worker = crew->begun++;
        crew->running++;
        pthread_mutex_unlock(&crew->lock);
        crew->work(crew->job, worker);
        pthread_mutex_lock(&crew->lock);
        crew->exhausted = true;
        if (--crew->running == 0) {
            crew->work = NULL;
            pthread_cond_broadcast(&crew->changed);
        }
    }
    pthread_mutex_unlock(&crew->lock);
}

#ifdef _OPENMP

static void serve_together(struct bb_crew *crew)
{
    omp_set_dynamic(0); /* where another library's settings reached this libgomp first */
#pragma omp parallel num_threads(1)
    {
#pragma omp parallel num_threads((int)crew->wanted)
        serve(crew, (unsigned)omp_get_thread_num());
    }
}

#else /* for ThreadSanitizer, which does not see how libgomp waits */

struct stand_in {
    pthread_t thread;
    struct bb_crew *crew;
    unsigned number;
};

static void *run_stand_in(void *argument)
{
    struct stand_in *self = argument;
    serve(self->crew, self->number);
    return NULL;
}

static void serve_together(struct bb_crew *crew)
{
    struct stand_in others[crew->wanted];
    for (unsigned i = 1; i < crew->wanted; i++) {
        others[i] = (struct stand_in){.crew = crew, .number = i};
        if (pthread_create(&others[i].thread, NULL, run_stand_in, &others[i]) != 0) {
            abort(); /* as libgomp ends the process */
        }
    }
    serve(crew, 0);
    for (unsigned i = 1; i < crew->wanted; i++) {
        pthread_join(others[i].thread, NULL);
    }
}

#endif

static void *lead(void *argument)
{
    struct bb_crew *crew = argument;

    pthread_setname_np(pthread_self(), "bcrypt_batch"); /* the others inherit the name */
    pthread_mutex_lock(&growing);
    crew->wanted = 1 + (crew->asked > 1 ? count_threads(crew->asked - 1) : 0);
    serve_together(crew);
    return NULL;
}

/* ---- The caller's side ---- */

static void free_crew(struct bb_crew *crew)
{
    free(crew->ids);
    free(crew);
}

static void post(struct bb_crew *crew, bb_work *work, void *job, unsigned workers)
{
    crew->work = work;
    crew->job = job;
    crew->workers = workers;
    crew->begun = 0;
    crew->exhausted = false;
}

/* Without `work` it has no job yet. */
struct bb_crew *bb_crew_make(bb_work *work, void *job, unsigned workers)
{
    struct bb_crew *crew = calloc(1, sizeof *crew);

    if (crew == NULL) {
        return NULL;
    }
    crew->ids = calloc(workers, sizeof crew->ids[0]);
    crew->asked = crew->wanted = workers;
    crew->generation = atomic_load(&generation);
    post(crew, work, job, workers);
    pthread_mutex_init(&crew->lock, NULL);
    init_monotonic_cond(&crew->changed);
    if (crew->ids == NULL || create_thread(&crew->leader, NULL, lead, crew) != 0) {
        pthread_cond_destroy(&crew->changed);
        pthread_mutex_destroy(&crew->lock);
        free_crew(crew);
        return NULL;
    }
    return crew;
}

static void end_crew(struct bb_crew *crew)
{
    /* Before a fork its threads may have held the lock: then there is nothing to end or destroy. */
    if (!is_from_before_fork(crew)) {
        pthread_mutex_lock(&crew->lock);
        crew->quit = true;
        pthread_cond_broadcast(&crew->changed);
        pthread_mutex_unlock(&crew->lock);
        pthread_join(crew->leader, NULL);
        /* libgomp does not join the others. They have left the region, and are about to return. */
        int64_t give_up = monotonic_ns() + CLEARING_NS;
        for (unsigned i = 0; i < crew->wanted && crew->ids[i] != 0; i++) {
            wait_until_cleared(crew->ids[i], give_up);
        }
        pthread_cond_destroy(&crew->changed);
        pthread_mutex_destroy(&crew->lock);
    }
    free_crew(crew);
}

struct bb_crew *bb_crew_begin(bb_work *work, void *job, unsigned workers)
{
    struct bb_crew *crew = NULL;

    pthread_mutex_lock(&keeping);
    if (kept != NULL && !kept_is_lent && kept->asked >= workers) {
        kept_is_lent = true;
        crew = kept;
    }
    pthread_mutex_unlock(&keeping);
    if (crew == NULL) {
        return bb_crew_make(work, job, workers);
    }
    pthread_mutex_lock(&crew->lock);
    post(crew, work, job, workers);
    pthread_cond_broadcast(&crew->changed);
    pthread_mutex_unlock(&crew->lock);
    return crew;
}

bool bb_crew_wait(struct bb_crew *crew, int64_t timeout_ns)
{
    if (is_from_before_fork(crew)) {
        return true;
    }
    struct timespec until = as_timespec(monotonic_ns() + timeout_ns);
    pthread_mutex_lock(&crew->lock);
    while (crew->work != NULL &&
           pthread_cond_timedwait(&crew->changed, &crew->lock, &until) != ETIMEDOUT) {
    }
    bool finished = crew->work == NULL;
    pthread_mutex_unlock(&crew->lock);
    return finished;
}

unsigned bb_crew_size(struct bb_crew *crew)
{
    if (is_from_before_fork(crew)) {
        return crew->size != 0 ? crew->size : crew->wanted;
    }
    pthread_mutex_lock(&crew->lock);
    while (crew->size == 0) {
        pthread_cond_wait(&crew->changed, &crew->lock);
    }
    unsigned size = crew->size;
    pthread_mutex_unlock(&crew->lock);
    return size;
}

void bb_crew_release(struct bb_crew *crew)
{
    pthread_mutex_lock(&keeping);
    bool keep = crew == kept;
    if (keep) {
        kept_is_lent = false;
    }
    pthread_mutex_unlock(&keeping);
    if (!keep) {
        end_crew(crew);
    }
}

/* Put a crew, or NULL, in the place of the one kept before. */
static void replace_kept(struct bb_crew *crew)
{
    pthread_mutex_lock(&keeping);
    struct bb_crew *before = kept;
    bool was_lent = kept_is_lent;
    kept = crew;
    kept_is_lent = false;
    pthread_mutex_unlock(&keeping);
    if (before != NULL && !was_lent) { /* else whoever releases it ends it */
        end_crew(before);
    }
}

unsigned bb_crew_keep(unsigned workers)
{
    pthread_mutex_lock(&keeping);
    bool there = kept != NULL && kept->asked == workers;
    unsigned size = there ? kept->size : 0;
    pthread_mutex_unlock(&keeping);
    if (there) {
        return size;
    }
    bb_crew_dismiss(); /* first, so that its threads do not stand in the way of the new ones */
    struct bb_crew *crew = bb_crew_make(NULL, NULL, workers);
    if (crew == NULL) {
        return 1;
    }
    size = bb_crew_size(crew);
    if (size < 2) {
        end_crew(crew);
        return 1;
    }
    replace_kept(crew);
    return size;
}

void bb_crew_dismiss(void)
{
    replace_kept(NULL);
}
