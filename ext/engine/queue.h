/* The queue behind a checker: single calls, computed together by the workers of one pool.
 *
 * Each worker keeps up to so many items in its lanes, whatever their costs, and advances them by
 * small steps. Between two steps those that are finished leave, and those that wait join, oldest
 * first: nobody waits for company, or for others to finish. A worker leaves a newcomer to another
 * one that has fewer in its lanes. Without anything to do a worker sleeps.
 *
 * A call is waited for in slices, as a job of a pool is (see pool.h), or delivered to a mailbox. It
 * lies in memory of its own, which its worker frees where its caller has let go of it first.
 *
 * Any thread may call any of these functions at any time, as long as nobody uses what was freed. In
 * a child after fork a queue from before it only ends: its threads have not come along.
 */
#ifndef BCRYPT_BATCH_QUEUE_H
#define BCRYPT_BATCH_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel.h"

struct bb_queue;
struct bb_call;
struct bb_mailbox;

/* What became of a call. */
enum bb_answer {
    BB_ANSWER_NONE,   /* nothing yet */
    BB_ANSWER_DIGEST, /* it is computed */
    BB_ANSWER_CLOSED, /* refused: the queue was closed before */
    BB_ANSWER_FULL,   /* refused: too many waited */
    BB_ANSWER_FORKED, /* nothing more will: it was made before a fork, by the parent */
    BB_ANSWER_NO_MEMORY,
};

/* Why a caller lets go of a call that has no answer yet. */
enum bb_reason { BB_REASON_TIMEOUT, BB_REASON_CANCELLED };

enum { BB_RATE_SECONDS = 10 };

/* Counted since the queue was made, but for the first three. */
struct bb_queue_stats {
    uint64_t waiting;
    uint64_t in_flight;
    uint64_t recent;    /* finished in the last `recent_ns` */
    uint64_t recent_ns; /* of whole seconds, BB_RATE_SECONDS at the most */
    uint64_t finished;
    uint64_t refused; /* because it was full or closed */
    uint64_t timed_out;
    uint64_t cancelled;
    uint64_t iterations;      /* of all workers */
    uint64_t lane_iterations; /* of all their lanes: divided by the former, the mean group size */
    /* Percentiles of how long calls waited for a lane, of those that have one or had: up to a
     * quarter too high, 0 before the first. */
    uint64_t wait_p50_ns, wait_p95_ns, wait_p99_ns;
};

/* Make a queue for up to `workers` workers of up to `lanes` lanes (1 to bb_kernel_max_lanes). More
 * than `max_waiting` calls are refused where they don't say otherwise. NULL without memory. */
struct bb_queue *bb_queue_make(const struct bb_kernel *kernel, unsigned workers, unsigned lanes,
                               size_t max_waiting);

/* What each worker of its pool runs, until the queue is closed: a bb_work of pool.h. */
void bb_queue_work(void *queue, unsigned worker);

/* Add a password to be hashed under a setting. With a mailbox it is delivered there, under `token`.
 * NULL, and why in `answer`, where it is refused. */
struct bb_call *bb_queue_add(struct bb_queue *queue, const uint8_t *password, size_t length,
                             const struct bb_setting *setting, bool even_if_full,
                             struct bb_mailbox *mailbox, uint64_t token, enum bb_answer *answer);

/* Wait for a call's answer, `timeout_ns` at the most (0 to 10^18). */
enum bb_answer bb_call_wait(struct bb_call *call, int64_t timeout_ns);

/* Write the hash of a call whose answer is BB_ANSWER_DIGEST. */
void bb_call_format(const struct bb_call *call, char text[BB_HASH_CHARS]);

/* Let go of a call that has no answer yet: true. If it waits it is taken out of the queue; if it is
 * being computed, its worker drops it within a step. Of one that has an answer: false, and it is
 * there as before. */
bool bb_call_give_up(struct bb_call *call, enum bb_reason reason);

/* Let go of a call, answered or not (then it counts as cancelled). Whichever way, once for each. */
void bb_call_end(struct bb_call *call);

/* Say how many workers its pool has, if fewer than it was made for. */
void bb_queue_set_threads(struct bb_queue *queue, unsigned workers);

/* Take no more calls. With `drain` those that are there are finished, else they get the answer
 * BB_ANSWER_CLOSED within a step. May be repeated; without `drain` it hastens a drain. Its workers
 * return when there is nothing left to do. */
void bb_queue_close(struct bb_queue *queue, bool drain);

/* Free a queue when its workers have returned, or were left behind by a fork, and its callers have
 * let go of all its calls, but for those of before the fork. What they left is wiped. */
void bb_queue_free(struct bb_queue *queue);

bool bb_queue_is_from_before_fork(const struct bb_queue *queue);

void bb_queue_read_stats(struct bb_queue *queue, struct bb_queue_stats *stats);

/* A place that answered calls come to, and a file descriptor that is readable while there are any:
 * for event loops. NULL where the system refuses one. To be freed after all its calls are let go
 * of, and before its queue; in a child after fork, at any time. */
struct bb_mailbox *bb_mailbox_make(struct bb_queue *queue);
int bb_mailbox_descriptor(const struct bb_mailbox *mailbox);

/* Then nothing more comes to it. Its queue tells the same only as long as that is there. */
bool bb_mailbox_is_from_before_fork(const struct bb_mailbox *mailbox);

/* Take out one call: true, and its token. False when there is none. */
bool bb_mailbox_take(struct bb_mailbox *mailbox, uint64_t *token);
void bb_mailbox_free(struct bb_mailbox *mailbox);

#endif
