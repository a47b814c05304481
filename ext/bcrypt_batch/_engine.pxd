"""The declarations of ext/engine that _native.pyx uses: clock.h, pool.h, batch.h, queue.h, server.h."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from bcrypt_batch._kernel cimport bb_kernel, bb_setting

cdef extern from "clock.h" nogil:
    int64_t monotonic_ns()

cdef extern from "pool.h" nogil:
    ctypedef struct bb_pool "struct bb_pool":
        pass

    ctypedef void bb_work(void *job, unsigned worker) noexcept nogil

    bint bb_pool_prepare(int priority, size_t stack_bytes)
    int bb_pool_refusal()
    bb_pool *bb_pool_make(bb_work *work, void *job, unsigned workers)
    bint bb_pool_wait(bb_pool *pool, int64_t timeout_ns)
    unsigned bb_pool_size(bb_pool *pool)
    void bb_pool_release(bb_pool *pool)
    unsigned bb_pool_start_shared(unsigned workers)
    void bb_pool_stop_shared()

cdef extern from "batch.h" nogil:
    ctypedef struct bb_batch "struct bb_batch":
        pass

    ctypedef struct bb_cut "struct bb_cut":
        unsigned cost
        unsigned lanes
        size_t count

    ctypedef enum bb_plan "enum bb_plan":
        BB_PLAN_OK
        BB_PLAN_AGAIN
        BB_PLAN_BAD_GROUP
        BB_PLAN_TOO_MANY
        BB_PLAN_ITEMS_LEFT
        BB_PLAN_NO_MEMORY

    bb_batch *bb_batch_make(size_t capacity, int64_t deadline_ns)
    void bb_batch_free(bb_batch *batch)
    bint bb_batch_is_late(const bb_batch *batch)
    void bb_batch_add(bb_batch *batch, uint32_t index, const uint8_t *password, size_t length,
                      const bb_setting *setting)
    size_t bb_batch_count(const bb_batch *batch)
    size_t bb_batch_count_of_cost(const bb_batch *batch, unsigned cost)
    bb_plan bb_batch_plan(bb_batch *batch, const bb_cut *cuts, size_t cut_count,
                          bb_kernel *kernel, size_t workers)
    size_t bb_batch_workers(const bb_batch *batch)
    unsigned bb_batch_lanes(const bb_batch *batch)
    bint bb_batch_advance(bb_batch *batch, int64_t slice_ns)
    void bb_batch_stop(bb_batch *batch)
    void bb_batch_abort(bb_batch *batch)
    unsigned bb_batch_threads(const bb_batch *batch)
    size_t bb_batch_items_done(const bb_batch *batch)
    int bb_batch_thread_id(const bb_batch *batch, size_t worker)
    uint32_t bb_batch_index(const bb_batch *batch, size_t item)
    bint bb_batch_is_done(const bb_batch *batch, size_t item)
    void bb_batch_format(const bb_batch *batch, size_t item, char *hash)
    bint bb_batch_matches(const bb_batch *batch, size_t item, const char *hash)

cdef extern from "queue.h" nogil:
    ctypedef struct bb_queue "struct bb_queue":
        pass
    ctypedef struct bb_call "struct bb_call":
        pass
    ctypedef struct bb_client "struct bb_client":
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
        uint64_t wait_p50_ns
        uint64_t wait_p95_ns
        uint64_t wait_p99_ns

    bb_queue *bb_queue_make(bb_kernel *kernel, unsigned workers, unsigned lanes,
                            size_t max_waiting)
    void bb_queue_work(void *queue, unsigned worker) noexcept
    bb_call *bb_queue_add(bb_queue *queue, const uint8_t *password, size_t length,
                          const bb_setting *setting, bint even_if_full, bb_client *client,
                          bb_mailbox *mailbox, uint64_t token, bb_answer *answer)
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

cdef extern from "server.h" nogil:
    ctypedef struct bb_server "struct bb_server":
        pass

    ctypedef struct bb_server_options "struct bb_server_options":
        int listener
        int wakeup
        unsigned max_cost
        unsigned connections
        bint any_user
        int64_t transfer_ns

    ctypedef enum bb_turn "enum bb_turn":
        BB_TURN_LOOK
        BB_TURN_ENDED

    enum:
        BB_MOST_CONNECTIONS
        BB_TRANSFER_S

    bb_server *bb_server_make(bb_queue *queue, const bb_server_options *options)
    bb_turn bb_server_run(bb_server *server)
    void bb_server_stop(bb_server *server, bint last)
    int64_t bb_server_idle_ns(const bb_server *server)
    void bb_server_free(bb_server *server)
