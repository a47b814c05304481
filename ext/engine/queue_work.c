/* The workers of a queue: see queue.h. Each holds the queue's lock except while it computes. */
#define _GNU_SOURCE
#include "clock.h"
#include "queue_internal.h"

enum {
    /* A step: about a millisecond (see batch.c), and no longer than a call of the least cost, so
     * that no call ends in the middle of a step. */
    ITERATIONS_PER_STEP = 1 << BB_MIN_COST,
};

/* A call leaves its lane. */
static void leave(struct bb_queue *queue, struct worker *worker, struct bb_item *item,
                  enum bb_answer answer)
{
    struct bb_call *call = (struct bb_call *)item;

    worker->load--;
    queue->counts.stats.in_flight--;
    if (call->abandoned) {
        free_call(call);
        return;
    }
    if (answer == BB_ANSWER_DIGEST) {
        bb_counts_finished(&queue->counts, monotonic_ns());
    } else {
        queue->counts.stats.refused++;
    }
    bb_call_answer(call, answer);
}

/* How many calls each worker has if all are distributed evenly: two workers with a core each
 * compute four calls each in less time than one computes eight. */
static size_t even_share(const struct bb_queue *queue)
{
    size_t calls = queue->counts.stats.waiting + queue->counts.stats.in_flight;
    size_t workers = 0;

    for (unsigned i = 0; i < queue->worker_count; i++) {
        workers += queue->workers[i].started;
    }
    return (calls + workers - 1) / workers;
}

/* The oldest call of the client whose turn it is. */
static struct bb_call *next_call(struct bb_queue *queue)
{
    struct bb_client *client = queue->next_client;
    struct bb_call *call = client->calls.first;

    end_waiting(queue, call);
    if (client->waiting > 0 && queue->client_count > 1) {
        leave_turns(queue, client);
        join_turns(queue, client);
    }
    return call;
}

static void take(struct bb_queue *queue, struct worker *worker)
{
    size_t share = even_share(queue); /* the rest is for workers that look soon or were woken */

    while (queue->next_client != NULL && worker->load < queue->lanes && worker->load < share) {
        struct bb_call *call = next_call(queue);
        call->place = IN_LANE;
        queue->counts.stats.in_flight++;
        bb_counts_wait(&queue->counts, monotonic_ns() - call->added_ns);
        worker->newcomers[worker->newcomer_count++] = call;
        worker->load++;
    }
}

/* Between two steps: `before` lanes were in use. Finished calls leave, calls without a caller are
 * dropped, and newcomers are chosen. */
static void look(struct bb_queue *queue, struct worker *worker, unsigned before)
{
    struct bb_group *group = &worker->group;

    for (unsigned k = group->lanes; k < before; k++) {
        leave(queue, worker, group->item[k], BB_ANSWER_DIGEST);
    }
    for (unsigned k = group->lanes; k-- > 0;) {
        struct bb_item *item = group->item[k];
        if (queue->hurried || ((struct bb_call *)item)->abandoned) {
            bb_group_drop(group, k);
            leave(queue, worker, item, BB_ANSWER_CLOSED);
        }
    }
    take(queue, worker);
    if (worker->load > 0) {
        queue->counts.stats.iterations += ITERATIONS_PER_STEP;
        queue->counts.stats.lane_iterations += (uint64_t)ITERATIONS_PER_STEP * worker->load;
    }
}

/* Let the newcomers join, those of the same cost together, and run one step; return how many lanes
 * were in use. */
static unsigned compute(struct worker *worker)
{
    unsigned next = 0;

    while (next < worker->newcomer_count) {
        struct bb_item *items[BB_MAX_LANES];
        unsigned cost = worker->newcomers[next]->setting.cost;
        unsigned count = 0;
        while (next < worker->newcomer_count && worker->newcomers[next]->setting.cost == cost) {
            items[count++] = &worker->newcomers[next++]->item;
        }
        bb_group_join(&worker->group, items, count, cost);
    }
    worker->newcomer_count = 0;
    unsigned lanes = worker->group.lanes;
    bb_group_advance(&worker->group, ITERATIONS_PER_STEP);
    return lanes;
}

void bb_queue_work(void *argument, unsigned number)
{
    struct bb_queue *queue = argument;
    struct worker *worker = &queue->workers[number];
    unsigned lanes = 0;

    pthread_mutex_lock(&queue->lock);
    worker->started = true;
    for (;;) {
        look(queue, worker, lanes);
        if (worker->load > 0) {
            pthread_mutex_unlock(&queue->lock);
            lanes = compute(worker);
            pthread_mutex_lock(&queue->lock);
            continue;
        }
        lanes = 0;
        if (queue->closed && queue->next_client == NULL) {
            break;
        }
        queue->sleeping++;
        pthread_cond_wait(&queue->work, &queue->lock);
        queue->sleeping--;
    }
    pthread_mutex_unlock(&queue->lock);
}
