"""What _native.pyx uses of pool.h."""

from libc.stdint cimport int64_t

cdef extern from "pool.h" nogil:
    ctypedef struct bb_pool "struct bb_pool":
        pass

    ctypedef void bb_work(void *job, unsigned worker) noexcept nogil

    bint bb_pool_prepare(int priority, size_t stack_bytes)
    bb_pool *bb_pool_run(bb_work *work, void *job, unsigned workers)
    bb_pool *bb_pool_make(bb_work *work, void *job, unsigned workers)
    bint bb_pool_wait(bb_pool *pool, int64_t timeout_ns)
    unsigned bb_pool_size(bb_pool *pool)
    void bb_pool_release(bb_pool *pool)
    unsigned bb_pool_start_shared(unsigned workers)
    void bb_pool_stop_shared()
