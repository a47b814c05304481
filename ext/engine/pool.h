/* Pools: the threads that compute batches.
 *
 * A pool is one thread made here, its leader, and the others of the OpenMP region that it runs. The
 * caller posts a job and waits in slices, so that between them it can look after signals and
 * progress; it never enters a parallel region itself. All of it is C: nothing here can be replaced
 * by a library that patches Python's threads, or be split in two by an exception.
 *
 * One pool at most outlives its jobs: the shared pool, which batches use in turn, from
 * bb_pool_start_shared on. Every other ends with its job. A child after fork has none. Any thread
 * may call any of these functions at any time.
 */
#ifndef BCRYPT_BATCH_POOL_H
#define BCRYPT_BATCH_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct bb_pool;

/* What each worker of a job runs, once; `worker` counts from 0. Returns when there is nothing left
 * to do for any worker: one that has not started by then no longer does. */
typedef void bb_work(void *job, unsigned worker);

/* To be called once, before anything else: lets a child after fork forget its parent's threads.
 * `priority` is the OMP_MAX_TASK_PRIORITY that libgomp was to be loaded with. If it has another,
 * another library loaded libgomp first, and its threads have stacks of `stack_bytes` if that is
 * more than the default: test threads then get such stacks. False if there is no memory. */
bool bb_pool_prepare(int priority, size_t stack_bytes);

/* Counts the forks between this process and the first: what has threads, or waits for some, keeps
 * it to know later whether they are still there. */
unsigned bb_pool_generation(void);

/* With which error, such as EAGAIN, the system last refused this process a thread; 0 if it never
 * did. */
int bb_pool_refusal(void);

/* The calling thread's id, as the system and threading.get_native_id() have it. */
pid_t bb_thread_id(void);

/* Let up to `workers` threads run `work`: those of the shared pool, if it is free and was made for
 * as many, else those of a new one. NULL where the system refuses even one thread. `job` must not
 * lie on the caller's stack: greenlets move theirs while others run. */
struct bb_pool *bb_pool_run(bb_work *work, void *job, unsigned workers);

/* The same with threads of the job's own, also where the shared pool is free: for a job that lasts.
 */
struct bb_pool *bb_pool_make(bb_work *work, void *job, unsigned workers);

/* Wait for the end of the job, `timeout_ns` at the most (0 to 10^18). True when no worker is in it
 * any more: at its end, and in a child after fork, where none has come along. */
bool bb_pool_wait(struct bb_pool *pool, int64_t timeout_ns);

/* How many threads the pool has. Waits until it has tried to make them. */
unsigned bb_pool_size(struct bb_pool *pool);

/* Give a pool back whose job has ended: once for each bb_pool_run or bb_pool_make. Unless it is
 * the shared one, its threads are gone when this returns. */
void bb_pool_release(struct bb_pool *pool);

/* Make a shared pool of up to `workers` threads (2 or more), and end the one before; return how
 * many threads it has, or 1 where the system refuses so many that there is no pool. */
unsigned bb_pool_start_shared(unsigned workers);

/* End the shared pool; if it is in use, when it is released. May be called without one. */
void bb_pool_stop_shared(void);

#endif
