/* Fork while another thread holds the locks of pools, which no test in Python can arrange: that of
 * making threads is held for some microseconds, that of the shared pool for less. The child must be
 * able to do all that a process can; if it waits for a lock, an alarm ends it. */
#include "../ext/engine/pool.c"

#include <stdio.h>
#include <sys/wait.h>

enum { WORKERS = 2, PATIENCE_S = 20, SLICE_NS = 50000000 };

static atomic_int done;

static void work(void *job, unsigned worker)
{
    (void)job;
    (void)worker;
    atomic_fetch_add(&done, 1);
}

/* Whether a job is done, by the shared pool or another one. */
static bool run(void)
{
    atomic_store(&done, 0);
    struct bb_pool *pool = bb_pool_run(work, NULL, WORKERS);
    if (pool == NULL) {
        return false;
    }
    while (!bb_pool_wait(pool, SLICE_NS)) {
    }
    bb_pool_release(pool);
    return atomic_load(&done) > 0;
}

static void *hold_locks(void *argument)
{
    pthread_barrier_t *barrier = argument;

    pthread_mutex_lock(&creation_lock);
    pthread_mutex_lock(&shared_pool_lock);
    pthread_barrier_wait(barrier); /* they are held */
    pthread_barrier_wait(barrier); /* the fork is over */
    pthread_mutex_unlock(&shared_pool_lock);
    pthread_mutex_unlock(&creation_lock);
    return NULL;
}

static int child(void)
{
    alarm(PATIENCE_S);
    if (!run()) {
        return 1;
    }
    if (bb_pool_start_shared(WORKERS) != WORKERS || !run()) {
        return 2;
    }
    bb_pool_stop_shared();
    return run() ? 0 : 3;
}

int main(void)
{
    pthread_barrier_t barrier;
    pthread_t holder;
    int status;

    if (!bb_pool_prepare(0, 0) || bb_pool_start_shared(WORKERS) != WORKERS || !run()) {
        puts("no pool in the parent");
        return 1;
    }
    pthread_barrier_init(&barrier, NULL, 2);
    pthread_create(&holder, NULL, hold_locks, &barrier);
    pthread_barrier_wait(&barrier);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(child());
    }
    pthread_barrier_wait(&barrier);
    pthread_join(holder, NULL);
    waitpid(pid, &status, 0);
    bb_pool_stop_shared();
    printf("exit %d, signal %d\n", WEXITSTATUS(status), WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    return status != 0;
}
