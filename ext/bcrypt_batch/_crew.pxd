"""What _native.pyx uses of crew.h."""

from libc.stdint cimport int64_t

cdef extern from "crew.h" nogil:
    ctypedef struct bb_crew "struct bb_crew":
        pass

    ctypedef void bb_work(void *job, unsigned worker) noexcept nogil

    bint bb_crew_prepare(int priority, size_t stack_bytes)
    bb_crew *bb_crew_begin(bb_work *work, void *job, unsigned workers)
    bb_crew *bb_crew_make(bb_work *work, void *job, unsigned workers)
    bint bb_crew_wait(bb_crew *crew, int64_t timeout_ns)
    unsigned bb_crew_size(bb_crew *crew)
    void bb_crew_release(bb_crew *crew)
    unsigned bb_crew_keep(unsigned workers)
    void bb_crew_dismiss()
