"""What _native.pyx uses of queue.h."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from bcrypt_batch._kernel cimport bb_kernel, bb_setting

cdef extern from "queue.h" nogil:
    enum:
        BB_WAIT_BUCKETS

    ctypedef struct bb_queue "struct bb_queue":
        pass
    ctypedef struct bb_call "struct bb_call":
        pass
    ctypedef struct bb_mailbox "struct bb_mailbox":
        pass

    ctypedef enum bb_answer "enum bb_answer":
        BB_ANSWER_NONE
        BB_ANSWER_DIGEST
        BB_ANSWER_CLOSED
        BB_ANSWER_FULL
        BB_ANSWER_FORKED
        BB_ANSWER_NO_MEMORY

    ctypedef enum bb_reason "enum bb_reason":
        BB_REASON_TIMEOUT
        BB_REASON_CANCELLED

    ctypedef struct bb_queue_stats "struct bb_queue_stats":
        uint64_t waiting
        uint64_t in_flight
        uint64_t recent
        uint64_t recent_ns
        uint64_t finished
        uint64_t refused
        uint64_t timed_out
        uint64_t cancelled
        uint64_t iterations
        uint64_t lane_iterations
        uint64_t waits[144]

    uint64_t bb_wait_limit_ns(unsigned bucket)

    bb_queue *bb_queue_make(bb_kernel *kernel, unsigned workers, unsigned lanes,
                            size_t max_waiting)
    void bb_queue_work(void *queue, unsigned worker) noexcept
    bb_call *bb_queue_add(bb_queue *queue, const uint8_t *password, size_t length,
                          const bb_setting *setting, bint even_if_full, bb_mailbox *mailbox,
                          uint64_t token, bb_answer *answer)
    bb_answer bb_call_wait(bb_call *call, int64_t timeout_ns)
    void bb_call_format(const bb_call *call, char *text)
    bint bb_call_give_up(bb_call *call, bb_reason reason)
    void bb_call_end(bb_call *call)
    void bb_queue_set_threads(bb_queue *queue, unsigned workers)
    void bb_queue_close(bb_queue *queue, bint drain)
    void bb_queue_free(bb_queue *queue)
    bint bb_queue_is_from_before_fork(const bb_queue *queue)
    void bb_queue_read_stats(bb_queue *queue, bb_queue_stats *stats)
    bb_mailbox *bb_mailbox_make(bb_queue *queue)
    int bb_mailbox_descriptor(const bb_mailbox *mailbox)
    bint bb_mailbox_is_from_before_fork(const bb_mailbox *mailbox)
    bint bb_mailbox_take(bb_mailbox *mailbox, uint64_t *token)
    void bb_mailbox_free(bb_mailbox *mailbox)
