/* Shared by the files of the queue: the structures of calls, workers and queues. */
#ifndef BCRYPT_BATCH_QUEUE_INTERNAL_H
#define BCRYPT_BATCH_QUEUE_INTERNAL_H

#include <pthread.h>
#include <stdlib.h>

#include "counts.h"
#include "platform.h"
#include "pool.h"
#include "queue.h"

struct bb_call {
    struct bb_item item; /* first: a worker casts the item's address to the call's */
    struct bb_setting setting;
    struct bb_queue *queue;
    struct bb_client *client;
    struct bb_mailbox *mailbox; /* or NULL */
    uint64_t token;
    int64_t added_ns;
    unsigned generation;
    pthread_cond_t answered;

    /* The queue's lock guards what follows. */
    enum { WAITING, IN_LANE, DELIVERED, OUT } place;
    enum bb_answer answer;
    bool abandoned; /* IN_LANE, and its caller has let go of it */
    struct bb_call *next, *previous;
};

struct bb_mailbox {
    struct bb_queue *queue;
    unsigned generation;
    int bell[BELL_ENDS]; /* rings while there are calls */
    struct bb_call_list calls;
};

struct worker {
    struct bb_group group; /* used by this worker only, without the lock */
    struct bb_call *newcomers[BB_MAX_LANES];
    unsigned newcomer_count;
    /* The queue's lock guards what follows. */
    bool started;
    unsigned load; /* calls that are IN_LANE here */
};

struct bb_queue {
    struct worker *workers;
    unsigned worker_count;
    unsigned lanes;
    size_t max_waiting;
    unsigned generation;

    pthread_mutex_t lock;                        /* guards the fields below */
    pthread_cond_t work;                         /* signals work to sleeping workers */
    struct bb_client *next_client, *last_client; /* those with waiting calls, in turns */
    size_t client_count;
    struct bb_client own;
    unsigned thread_count; /* existing workers: the system may refuse some */
    unsigned sleeping;
    bool closed;
    bool hurried;
    struct bb_counts counts;
};

static inline void append(struct bb_call_list *list, struct bb_call *call)
{
    call->next = NULL;
    call->previous = list->last;
    *(list->last ? &list->last->next : &list->first) = call;
    list->last = call;
}

static inline void take_out(struct bb_call_list *list, struct bb_call *call)
{
    *(call->previous ? &call->previous->next : &list->first) = call->next;
    *(call->next ? &call->next->previous : &list->last) = call->previous;
}

/* Add a client to the turns, as the last one; or remove it. */
static inline void join_turns(struct bb_queue *queue, struct bb_client *client)
{
    client->next = NULL;
    client->previous = queue->last_client;
    *(queue->last_client ? &queue->last_client->next : &queue->next_client) = client;
    queue->last_client = client;
    queue->client_count++;
}

static inline void leave_turns(struct bb_queue *queue, struct bb_client *client)
{
    *(client->previous ? &client->previous->next : &queue->next_client) = client->next;
    *(client->next ? &client->next->previous : &queue->last_client) = client->previous;
    queue->client_count--;
}

/* A call begins to wait, or ends waiting; queue->lock is held. */
static inline void begin_waiting(struct bb_queue *queue, struct bb_call *call)
{
    append(&call->client->calls, call);
    queue->counts.stats.waiting++;
    if (call->client->waiting++ == 0) {
        join_turns(queue, call->client);
    }
}

static inline void end_waiting(struct bb_queue *queue, struct bb_call *call)
{
    take_out(&call->client->calls, call);
    queue->counts.stats.waiting--;
    if (--call->client->waiting == 0) {
        leave_turns(queue, call->client);
    }
}

static inline bool from_before_fork(unsigned generation)
{
    return generation != bb_pool_generation();
}

static inline void wipe_item(struct bb_item *item)
{
    bb_wipe(item, sizeof *item);
}

static inline void free_call(struct bb_call *call)
{
    pthread_cond_destroy(&call->answered);
    bb_wipe(call, sizeof *call);
    free(call);
}

/* Give a call its answer; queue->lock is held. The call may be freed right after. */
void bb_call_answer(struct bb_call *call, enum bb_answer answer);

#endif
