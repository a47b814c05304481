/* Pools: the threads that compute batches.
 *
 * A pool is its leader, a thread made by pthread_create, and the other threads of the OpenMP region
 * that the leader runs. The caller posts a job and waits in slices, so that it can handle signals
 * and progress between them; the caller never enters a parallel region itself. Everything is C: a
 * library that patches Python's threads can't replace these threads, and no exception can interrupt
 * them.
 *
 * At most one pool outlives its jobs: the shared pool, which batches use in turn, from
 * bb_pool_start_shared on. Every other pool ends with its job. A child after fork has no pool. Any
 * thread may call any of these functions at any time.
 */
#ifndef BCRYPT_BATCH_POOL_H
#define BCRYPT_BATCH_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct bb_pool;

/* Each worker of a job calls this once; `worker` counts from 0. It returns when no work is left for
 * any worker: a worker that has not started by then never does. */
typedef void bb_work(void *job, unsigned worker);

/* Call this once, before anything else: a child after fork then forgets its parent's threads.
 * `priority` is the OMP_MAX_TASK_PRIORITY that we set for libgomp. If libgomp has another value,
 * another library loaded libgomp first, and its threads have stacks of `stack_bytes` if that is
 * more than the default: test threads then get such stacks. False if there is no memory. */
bool bb_pool_prepare(int priority, size_t stack_bytes);

/* Counts the forks between this process and the first. An object that has threads or waits for them
 * stores the count, to know later whether they still exist. */
unsigned bb_pool_generation(void);

/* The error, such as EAGAIN, with which the system last refused this process a thread; 0 if it
 * never did. */
int bb_pool_refusal(void);

/* Let up to `workers` threads run `work`: threads of the shared pool, if it is free and was made
 * for as many, else of a new pool. NULL if the system refuses even one thread. `job` must not lie
 * on the caller's stack: greenlets move their stacks while others run. */
struct bb_pool *bb_pool_run(bb_work *work, void *job, unsigned workers);

/* The same with a new pool, even if the shared pool is free: for a long-running job. */
struct bb_pool *bb_pool_make(bb_work *work, void *job, unsigned workers);

/* Wait at most `timeout_ns` (0 to 10^18) for the end of the job. True when no worker runs it any
 * more: at its end, and in a child after fork, which has none of the workers. */
bool bb_pool_wait(struct bb_pool *pool, int64_t timeout_ns);

/* How many threads the pool has. Waits until it has tried to make them. */
unsigned bb_pool_size(struct bb_pool *pool);

/* Release a pool whose job has ended: once for each bb_pool_run or bb_pool_make. Unless it is the
 * shared pool, its threads are gone when this returns. */
void bb_pool_release(struct bb_pool *pool);

/* Make a shared pool of up to `workers` threads (2 or more), and end the previous shared pool;
 * return how many threads it has, or 1 if the system refuses so many that there is no pool. */
unsigned bb_pool_start_shared(unsigned workers);

/* End the shared pool; if it is in use, on its release. Without a shared pool this does nothing. */
void bb_pool_stop_shared(void);

#endif
