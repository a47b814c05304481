/* Calls and queues, as their callers see them: see queue.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "queue_internal.h"

/* Calls that a free lane takes at its next step don't count as waiting. A client that has less than
 * its share is let in, so at most twice `max_waiting` calls wait, plus one of each client. */
static bool is_full(const struct bb_queue *queue, const struct bb_client *client)
{
    size_t lanes = (size_t)queue->thread_count * queue->lanes;
    size_t clients = queue->client_count + (client->waiting == 0);

    return queue->counts.stats.waiting + queue->counts.stats.in_flight >=
               queue->max_waiting + lanes &&
           client->waiting * clients >= queue->max_waiting;
}

struct bb_call *bb_queue_add(struct bb_queue *queue, const uint8_t *password, size_t length,
                             const struct bb_setting *setting, bool even_if_full,
                             struct bb_client *client, struct bb_mailbox *mailbox, uint64_t token,
                             enum bb_answer *answer)
{
    struct bb_call *call = calloc(1, sizeof *call);

    if (call == NULL) {
        *answer = BB_ANSWER_NO_MEMORY;
        return NULL;
    }
    bb_load_item(&call->item, password, length, setting);
    call->setting = *setting;
    call->queue = queue;
    call->client = client != NULL ? client : &queue->own;
    call->mailbox = mailbox;
    call->token = token;
    call->added_ns = monotonic_ns();
    call->generation = queue->generation;
    init_monotonic_cond(&call->answered);
    pthread_mutex_lock(&queue->lock);
    *answer = BB_ANSWER_NONE;
    if (queue->closed) {
        *answer = BB_ANSWER_CLOSED;
    } else if (!even_if_full && is_full(queue, call->client)) {
        *answer = BB_ANSWER_FULL;
    }
    if (*answer != BB_ANSWER_NONE) {
        queue->counts.stats.refused++;
        pthread_mutex_unlock(&queue->lock);
        free_call(call);
        return NULL;
    }
    begin_waiting(queue, call);
    if (queue->sleeping > 0) {
        pthread_cond_signal(&queue->work);
    }
    pthread_mutex_unlock(&queue->lock);
    return call;
}

enum bb_answer bb_call_wait(struct bb_call *call, int64_t timeout_ns)
{
    if (from_before_fork(call->generation)) {
        return BB_ANSWER_FORKED;
    }
    struct timespec until = as_timespec(monotonic_ns() + timeout_ns);
    pthread_mutex_lock(&call->queue->lock);
    while (call->answer == BB_ANSWER_NONE &&
           cond_wait_until(&call->answered, &call->queue->lock, &until) != ETIMEDOUT) {
    }
    enum bb_answer answer = call->answer;
    pthread_mutex_unlock(&call->queue->lock);
    return answer;
}

void bb_call_format(const struct bb_call *call, char text[BB_HASH_CHARS])
{
    bb_format_hash(&call->setting, call->item.digest, text);
}

bool bb_call_give_up(struct bb_call *call, enum bb_reason reason)
{
    struct bb_queue *queue = call->queue;

    if (from_before_fork(call->generation)) {
        /* The parent's list may point to this call until the queue is freed: keep the memory. */
        wipe_item(&call->item);
        return true;
    }
    pthread_mutex_lock(&queue->lock);
    bool unanswered = call->answer == BB_ANSWER_NONE;
    bool in_lane = call->place == IN_LANE;
    if (unanswered) {
        *(reason == BB_REASON_TIMEOUT ? &queue->counts.stats.timed_out
                                      : &queue->counts.stats.cancelled) += 1;
        if (in_lane) {
            call->abandoned = true;
        } else {
            end_waiting(queue, call);
        }
    }
    pthread_mutex_unlock(&queue->lock);
    if (unanswered && !in_lane) { /* else its worker frees it */
        free_call(call);
    }
    return unanswered;
}

void bb_call_end(struct bb_call *call)
{
    if (bb_call_give_up(call, BB_REASON_CANCELLED)) {
        return;
    }
    pthread_mutex_lock(&call->queue->lock);
    if (call->place == DELIVERED) {
        take_out(&call->mailbox->calls, call);
    }
    pthread_mutex_unlock(&call->queue->lock);
    free_call(call);
}

/* ---- The queue as a whole ---- */

struct bb_queue *bb_queue_make(const struct bb_kernel *kernel, unsigned workers, unsigned lanes,
                               size_t max_waiting)
{
    struct bb_queue *queue = calloc(1, sizeof *queue);

    if (queue == NULL) {
        return NULL;
    }
    queue->workers = aligned_alloc(64, workers * sizeof queue->workers[0]);
    if (queue->workers == NULL) {
        free(queue);
        return NULL;
    }
    memset(queue->workers, 0, workers * sizeof queue->workers[0]);
    for (unsigned i = 0; i < workers; i++) {
        bb_group_open(&queue->workers[i].group, kernel);
    }
    queue->worker_count = workers;
    queue->thread_count = workers;
    queue->lanes = lanes;
    queue->max_waiting = max_waiting;
    queue->generation = bb_pool_generation();
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->work, NULL);
    bb_counts_begin(&queue->counts, monotonic_ns());
    return queue;
}

void bb_queue_set_threads(struct bb_queue *queue, unsigned workers)
{
    pthread_mutex_lock(&queue->lock);
    queue->thread_count = workers;
    pthread_mutex_unlock(&queue->lock);
}

void bb_queue_close(struct bb_queue *queue, bool drain)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    if (!drain) {
        queue->hurried = true;
        while (queue->next_client != NULL) {
            struct bb_call *call = queue->next_client->calls.first;
            end_waiting(queue, call);
            queue->counts.stats.refused++;
            bb_call_answer(call, BB_ANSWER_CLOSED);
        }
    }
    pthread_cond_broadcast(&queue->work);
    pthread_mutex_unlock(&queue->lock);
}

/* In a child, wipe the calls of the parent's threads. Call this only if nobody held the lock at the
 * fork: else the lists may be inconsistent. The calls' memory is not freed: it belongs to their
 * callers, which the child doesn't have. */
static void wipe_calls(struct bb_queue *queue)
{
    for (struct bb_client *client = queue->next_client; client != NULL; client = client->next) {
        for (struct bb_call *call = client->calls.first; call != NULL; call = call->next) {
            wipe_item(&call->item);
        }
    }
    for (unsigned i = 0; i < queue->worker_count; i++) {
        struct worker *worker = &queue->workers[i];
        for (unsigned k = 0; k < worker->group.lanes; k++) {
            wipe_item(worker->group.item[k]);
        }
        for (unsigned k = 0; k < worker->newcomer_count; k++) {
            wipe_item(&worker->newcomers[k]->item);
        }
    }
}

void bb_queue_free(struct bb_queue *queue)
{
    if (!from_before_fork(queue->generation)) {
        pthread_cond_destroy(&queue->work);
        pthread_mutex_destroy(&queue->lock);
    } else if (pthread_mutex_trylock(&queue->lock) == 0) {
        wipe_calls(queue);
    }
    bb_wipe(queue->workers, queue->worker_count * sizeof queue->workers[0]);
    free(queue->workers);
    free(queue);
}

bool bb_queue_is_from_before_fork(const struct bb_queue *queue)
{
    return from_before_fork(queue->generation);
}

void bb_queue_read_stats(struct bb_queue *queue, struct bb_queue_stats *stats)
{
    pthread_mutex_lock(&queue->lock);
    bb_counts_read(&queue->counts, monotonic_ns(), stats);
    pthread_mutex_unlock(&queue->lock);
}
