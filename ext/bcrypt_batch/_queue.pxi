"""The boundary of single calls that are computed together: included by _native.pyx.

As there, everything is checked while the GIL is held, and Python code runs between the slices of a
wait and nowhere else. A call that an exception leaves is taken out of the queue before it goes on.
"""

# What became of a call that has no hash.
CLOSED, FULL, TIMEOUT = "closed", "full", "timeout"
WITHOUT_THREADS = "without threads"  # in a child after fork


cdef str refusal(bb_answer answer):
    if answer == BB_ANSWER_NO_MEMORY:
        raise MemoryError("no memory for another call")
    return FULL if answer == BB_ANSWER_FULL else CLOSED


cdef bytes hash_of(bb_call *call):
    cdef bytes hashed = PyBytes_FromStringAndSize(NULL, BB_HASH_CHARS)
    bb_call_format(call, text_of(hashed))
    return hashed


@cython.final
cdef class Queue:
    """A queue of C and its pool, which is made when it is first needed, in each process anew.

    Attributes:
        started: Whether there is a pool, in this process.
    """

    cdef bb_queue *queue
    cdef bb_pool *pool
    cdef bb_kernel *kernel
    cdef unsigned workers
    cdef unsigned lanes
    cdef size_t max_waiting
    cdef unsigned users  # threads that wait for the pool, to be made or to end
    cdef bint closed

    def __cinit__(self, *, str kernel not None, unsigned workers, unsigned lanes,
                  size_t max_waiting):
        self.kernel = find_kernel(kernel)
        most = bb_kernel_max_lanes(self.kernel)
        if not 1 <= lanes <= most or workers < 1:
            raise ValueError(f"a queue has 1 worker or more, and 1 to {most} lanes")
        self.workers = workers
        self.lanes = lanes
        self.max_waiting = max_waiting

    def __dealloc__(self):
        if self.queue and not bb_queue_is_from_before_fork(self.queue):
            bb_queue_close(self.queue, False)  # all that is in it was let go of
            if self.pool:
                with nogil:
                    while not bb_pool_wait(self.pool, MAX_SLICE_NS):
                        pass
        self.forget()

    cdef void forget(self) noexcept:
        """Give up what has no workers any more."""
        cdef bb_pool *pool = self.pool
        cdef bb_queue *queue = self.queue
        self.pool = NULL
        self.queue = NULL
        self.users = 0  # those of the parent, in a child after fork
        if pool:
            with nogil:
                bb_pool_release(pool)
        if queue:
            bb_queue_free(queue)

    cdef int find_queue(self) except -1:
        """Have a queue of this process."""
        if self.queue and bb_queue_is_from_before_fork(self.queue):
            self.forget()
        if not self.queue:
            self.queue = bb_queue_make(self.kernel, self.workers, self.lanes, self.max_waiting)
            if not self.queue:
                raise MemoryError(f"no memory for {self.workers} workers")
            if self.closed:
                bb_queue_close(self.queue, False)
        return 0

    def start(self):
        """Have a pool, unless closed; return how many threads it has if it is new, else None.

        0 where the system refuses even one.
        """
        cdef unsigned size
        self.find_queue()
        if self.pool or self.closed:
            return None
        self.pool = bb_pool_make(bb_queue_work, self.queue, self.workers)
        if not self.pool:
            return 0
        self.users += 1
        with nogil:  # a second, where other threads make pools of hundreds
            size = bb_pool_size(self.pool)
        bb_queue_set_threads(self.queue, size)
        self.leave_pool()
        return size

    @property
    def started(self):
        return self.pool != NULL and not bb_queue_is_from_before_fork(self.queue)

    def compute(self, bytes password not None, bytes setting not None, tick not None, *,
                int64_t slice_ns, deadline_ns, bint even_if_full):
        """Return the hash of a password under a 29-byte setting, or CLOSED, FULL, TIMEOUT
        or WITHOUT_THREADS.

        To be started before. Calls `tick` every `slice_ns`. After a fork by it, or by a signal
        handler, the child begins again, in a queue of its own.
        """
        cdef int64_t until_ns = INT64_MAX if deadline_ns is None else deadline_ns
        cdef bb_answer answer
        cdef bb_setting parsed
        cdef bb_call *call
        parse(setting, &parsed)
        while True:
            self.find_queue()
            call = bb_queue_add(self.queue, password, len(password), &parsed, even_if_full, NULL, 0,
                                &answer)
            if not call:
                return refusal(answer)
            try:
                answer = self.wait(call, tick, slice_ns, until_ns)
                if answer == BB_ANSWER_NONE and bb_call_give_up(call, BB_REASON_TIMEOUT):
                    call = NULL
                    return TIMEOUT
                answer = bb_call_wait(call, 0)  # it has come just in time, or long since
                if answer == BB_ANSWER_DIGEST:
                    return hash_of(call)
                if answer != BB_ANSWER_FORKED:
                    return CLOSED
            finally:
                if call:
                    bb_call_end(call)
            if self.start() == 0:
                return WITHOUT_THREADS

    cdef bb_answer wait(self, bb_call *call, tick, int64_t slice_ns, int64_t until_ns) except *:
        """Wait for an answer; there is none when the time is up."""
        cdef bb_answer answer
        cdef int64_t left_ns
        while True:
            left_ns = until_ns - monotonic_ns()
            with nogil:
                answer = bb_call_wait(call, max(0, min(slice_ns, left_ns)))
            if answer != BB_ANSWER_NONE or left_ns <= slice_ns:
                return answer
            PyErr_CheckSignals()
            tick()

    def submit(self, bytes password not None, bytes setting not None, Mailbox mailbox not None, *,
               bint even_if_full):
        """Return a Call that comes to a mailbox of this process, or CLOSED or FULL."""
        cdef Call call = Call.__new__(Call)
        cdef bb_answer answer
        cdef bb_setting parsed
        parse(setting, &parsed)
        self.find_queue()
        if mailbox.queue is not self or not mailbox.current:
            raise ValueError("the mailbox is another queue's")
        mailbox.tokens += 1
        call.call = bb_queue_add(self.queue, password, len(password), &parsed, even_if_full,
                                 mailbox.mailbox, mailbox.tokens, &answer)
        if not call.call:
            return refusal(answer)
        call.mailbox = mailbox
        call.token = mailbox.tokens
        return call

    def close(self, tick not None, *, bint drain, int64_t slice_ns):
        """Take no more calls, and wait until the pool has ended; see pool.h and queue.h.

        It goes on ending after an exception out of `tick` or a signal handler.
        """
        cdef bint ended = False
        self.closed = True
        self.find_queue()
        bb_queue_close(self.queue, drain)
        self.users += 1
        try:
            while self.pool and not ended:
                with nogil:
                    ended = bb_pool_wait(self.pool, slice_ns)
                if not ended:
                    PyErr_CheckSignals()
                    tick()
        finally:
            self.leave_pool()

    cdef void leave_pool(self) noexcept:
        """Wait for the pool no longer; the last one to do so ends it, if its work has ended."""
        cdef bb_pool *pool = self.pool
        if self.users:  # none in a child after fork that has begun again meanwhile
            self.users -= 1
        if pool and self.closed and not self.users and bb_pool_wait(pool, 0):
            self.pool = NULL
            with nogil:
                bb_pool_release(pool)

    def stats(self):
        """Return the figures of queue.h by name."""
        cdef bb_queue_stats stats
        self.find_queue()
        bb_queue_read_stats(self.queue, &stats)
        return {
            "waiting": stats.waiting,
            "in_flight": stats.in_flight,
            "recent": stats.recent,
            "recent_ns": stats.recent_ns,
            "finished": stats.finished,
            "refused": stats.refused,
            "timed_out": stats.timed_out,
            "cancelled": stats.cancelled,
            "iterations": stats.iterations,
            "lane_iterations": stats.lane_iterations,
            "wait_p50_ns": stats.wait_p50_ns,
            "wait_p95_ns": stats.wait_p95_ns,
            "wait_p99_ns": stats.wait_p99_ns,
        }


@cython.final
cdef class Mailbox:
    """Where the calls of one event loop come to."""

    cdef bb_mailbox *mailbox
    cdef Queue queue  # lives as long
    cdef uint64_t tokens

    def __cinit__(self, Queue queue not None):
        queue.find_queue()
        self.queue = queue
        self.mailbox = bb_mailbox_make(queue.queue)
        if not self.mailbox:
            if errno == ENOMEM:
                raise MemoryError("no memory for an event loop's calls")
            raise OSError(errno, "the system refused a file descriptor for an event loop's calls")

    def __dealloc__(self):
        if self.mailbox:
            bb_mailbox_free(self.mailbox)

    def fileno(self):
        """Return a file descriptor that is readable while there are calls to take."""
        return bb_mailbox_descriptor(self.mailbox)

    @property
    def current(self):
        """Whether it is this process's; its parent's has nothing to come."""
        return not bb_mailbox_is_from_before_fork(self.mailbox)

    def take(self, list tokens not None):
        """Add the tokens of the calls that have come to a list."""
        cdef uint64_t token
        while bb_mailbox_take(self.mailbox, &token):
            tokens.append(token)


@cython.final
cdef class Call:
    """A call that was submitted; it ends with this object at the latest.

    Attributes:
        token: What its mailbox calls it.
    """

    cdef bb_call *call
    cdef Mailbox mailbox  # lives as long
    cdef bint late
    cdef readonly uint64_t token

    def __dealloc__(self):
        self.end()

    def end(self):
        """Take it out of the queue if it is there, and drop its result."""
        cdef bb_call *call = self.call
        self.call = NULL
        if call:
            bb_call_end(call)

    def give_up(self):
        """End it if it has not come, because its time is up; whether it had not."""
        if self.call and bb_call_give_up(self.call, BB_REASON_TIMEOUT):
            self.call = NULL
            self.late = True
        return self.late

    def expire(self, future not None):
        """Give it up and wake who waits for the future, unless it has come: then it is on its way.

        For a loop's timer, which calls once: in here no signal handler runs, and what the future
        raises makes the loop call again.
        """
        try:
            if not future.done() and self.give_up():
                future.set_result(None)
        except:
            future.get_loop().call_soon(self.expire, future)
            raise

    def result(self):
        """Return its hash, CLOSED or TIMEOUT; to be called when it has come or was given up."""
        if self.call and bb_call_wait(self.call, 0) == BB_ANSWER_DIGEST:
            return hash_of(self.call)
        return TIMEOUT if self.late else CLOSED
