/* How answers are delivered: see queue.h. */
#define _GNU_SOURCE
#include <errno.h>

#include "queue_internal.h"

void bb_call_answer(struct bb_call *call, enum bb_answer answer)
{
    struct bb_mailbox *mailbox = call->mailbox;

    bb_wipe(call->item.key, sizeof call->item.key); /* now, not when the caller ends the call */
    call->answer = answer;
    call->place = OUT;
    if (mailbox == NULL) {
        pthread_cond_signal(&call->answered);
        return;
    }
    call->place = DELIVERED;
    if (mailbox->calls.first == NULL) {
        bell_ring(mailbox->bell);
    }
    append(&mailbox->calls, call);
}

struct bb_mailbox *bb_mailbox_make(struct bb_queue *queue)
{
    struct bb_mailbox *mailbox = calloc(1, sizeof *mailbox);

    if (mailbox == NULL) {
        return NULL;
    }
    mailbox->queue = queue;
    mailbox->generation = queue->generation;
    if (bell_make(mailbox->bell) < 0) {
        int refused = errno;
        free(mailbox);
        errno = refused;
        return NULL;
    }
    return mailbox;
}

int bb_mailbox_descriptor(const struct bb_mailbox *mailbox)
{
    return mailbox->bell[0];
}

bool bb_mailbox_is_from_before_fork(const struct bb_mailbox *mailbox)
{
    return from_before_fork(mailbox->generation);
}

bool bb_mailbox_take(struct bb_mailbox *mailbox, uint64_t *token)
{
    if (from_before_fork(mailbox->generation)) {
        return false;
    }
    pthread_mutex_lock(&mailbox->queue->lock);
    struct bb_call *call = mailbox->calls.first;
    if (call != NULL) {
        take_out(&mailbox->calls, call);
        call->place = OUT;
        *token = call->token;
    }
    if (mailbox->calls.first == NULL) {
        bell_mute(mailbox->bell);
    }
    pthread_mutex_unlock(&mailbox->queue->lock);
    return call != NULL;
}

void bb_mailbox_free(struct bb_mailbox *mailbox)
{
    for (int i = 0; i < BELL_ENDS; i++) {
        close(mailbox->bell[i]);
    }
    free(mailbox);
}
