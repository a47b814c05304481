/* The queue behind a checker: single calls, computed together by the workers of one pool.
 *
 * Each worker keeps up to `lanes` calls in its lanes, whatever their costs, and advances them by
 * small steps. Between two steps finished calls leave, and waiting calls join: no call waits for a
 * full group, or for others to finish. Clients take turns; a client's oldest call is first.
 * A worker leaves a new call to another worker that has fewer in its lanes. A worker without calls
 * sleeps.
 *
 * A caller waits for its call in slices, as for a job of a pool (see pool.h), or a mailbox gets the
 * call. Each call has its own memory. If the caller lets go of the call before the worker does, the
 * worker frees this memory.
 *
 * Any thread may call any of these functions at any time, except on freed objects. In a child after
 * fork a queue of the parent can only end: the child has none of its threads.
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

/* The outcome of a call. */
enum bb_answer {
    BB_ANSWER_NONE,   /* nothing yet */
    BB_ANSWER_DIGEST, /* it is computed */
    BB_ANSWER_CLOSED, /* refused: the queue was closed before */
    BB_ANSWER_FULL,   /* refused: too many waited */
    BB_ANSWER_FORKED, /* no answer will come: the parent made the call, before a fork */
    BB_ANSWER_NO_MEMORY,
};

/* Why a caller lets go of a call that has no answer yet. */
enum bb_reason { BB_REASON_TIMEOUT, BB_REASON_CANCELLED };

enum { BB_RATE_SECONDS = 10 };

/* Counted since the queue was made, except the first three. protocol.h's figures, in this order. */
struct bb_queue_stats {
    uint64_t waiting;
    uint64_t in_flight;
    uint64_t recent;    /* finished in the last `recent_ns` */
    uint64_t recent_ns; /* of whole seconds, BB_RATE_SECONDS at the most */
    uint64_t finished;
    uint64_t refused; /* because the queue was full or closed */
    uint64_t timed_out;
    uint64_t cancelled;
    uint64_t iterations;      /* of all workers */
    uint64_t lane_iterations; /* of all their lanes; divided by `iterations`: the mean group size */
    /* Percentiles of the time that calls waited for their lanes: up to a quarter too high, 0 before
     * the first call has a lane. */
    uint64_t wait_p50_ns, wait_p95_ns, wait_p99_ns;
};

struct bb_call_list {
    struct bb_call *first, *last;
};

/* The client that calls belong to. Zero the structure, and keep it until none of its calls waits;
 * the queue's lock guards it. */
struct bb_client {
    struct bb_call_list calls; /* the waiting calls, oldest first */
    size_t waiting;            /* how many calls wait */
    struct bb_client *next, *previous;
};

/* Make a queue for up to `workers` workers of up to `lanes` lanes (1 to bb_kernel_max_lanes). If
 * `max_waiting` calls wait, a further call is refused, unless it has `even_if_full` or its client
 * has fewer than an even share of `max_waiting`. So a client that floods the queue doesn't fill it
 * for others. NULL without memory. */
struct bb_queue *bb_queue_make(const struct bb_kernel *kernel, unsigned workers, unsigned lanes,
                               size_t max_waiting);

/* Each worker of the queue's pool runs this until the queue is closed: a bb_work of pool.h. */
void bb_queue_work(void *queue, unsigned worker);

/* Add a password to be hashed under a setting, for a client, or NULL for the queue's own. A
 * mailbox, if given, gets the call under `token`. NULL if refused, with the reason in `answer`. */
struct bb_call *bb_queue_add(struct bb_queue *queue, const uint8_t *password, size_t length,
                             const struct bb_setting *setting, bool even_if_full,
                             struct bb_client *client, struct bb_mailbox *mailbox, uint64_t token,
                             enum bb_answer *answer);

/* Wait at most `timeout_ns` (0 to 10^18) for a call's answer. */
enum bb_answer bb_call_wait(struct bb_call *call, int64_t timeout_ns);

/* Write the hash of a call whose answer is BB_ANSWER_DIGEST. */
void bb_call_format(const struct bb_call *call, char text[BB_HASH_CHARS]);

/* Let go of a call that has no answer yet: true. A waiting call leaves the queue; a call in a lane
 * is dropped by its worker within a step. If the call has an answer: false, and nothing changes. */
bool bb_call_give_up(struct bb_call *call, enum bb_reason reason);

/* Let go of a call, answered or not (then it counts as cancelled). Each call is let go of once, by
 * this or by bb_call_give_up. */
void bb_call_end(struct bb_call *call);

/* Set how many workers the queue's pool has, if fewer than it was made for. */
void bb_queue_set_threads(struct bb_queue *queue, unsigned workers);

/* Accept no more calls. With `drain` the present calls are finished, else they get the answer
 * BB_ANSWER_CLOSED within a step. May be repeated; a repetition without `drain` cuts a drain short.
 * The workers return when no calls are left. */
void bb_queue_close(struct bb_queue *queue, bool drain);

/* Free a queue when its workers have returned, or stayed in the parent of a fork, and its callers
 * have let go of all its calls, except those from before the fork. Calls left over are wiped. */
void bb_queue_free(struct bb_queue *queue);

bool bb_queue_is_from_before_fork(const struct bb_queue *queue);

void bb_queue_read_stats(struct bb_queue *queue, struct bb_queue_stats *stats);

/* A list of answered calls, and a file descriptor that is readable while the list has any: for
 * event loops. NULL if the system refuses a descriptor. Free a mailbox after all its calls are let
 * go of, and before its queue; in a child after fork, at any time. */
struct bb_mailbox *bb_mailbox_make(struct bb_queue *queue);
int bb_mailbox_descriptor(const struct bb_mailbox *mailbox);

/* If true, the mailbox gets no more calls. Ask the mailbox, because its queue may be freed. */
bool bb_mailbox_is_from_before_fork(const struct bb_mailbox *mailbox);

/* Take out one call, and write its token; false if there is no call. */
bool bb_mailbox_take(struct bb_mailbox *mailbox, uint64_t *token);
void bb_mailbox_free(struct bb_mailbox *mailbox);

#endif
