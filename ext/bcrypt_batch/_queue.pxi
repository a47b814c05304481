"""The boundary of single calls that are computed together; _native.pyx includes this file.

As in _native.pyx, everything is checked while the thread is attached to Python, and Python code runs
only between the slices of a wait. Before an exception leaves a call, the call is taken out of the
queue.

In free-threaded Python, critical sections guard the fields of a Queue, which threads share; with the
GIL they do nothing. Like the GIL, a critical section is released while its thread waits, and os.fork
waits until no thread is in a critical section. Only the thread of one event loop may use a Mailbox and
its Calls.
"""

# The outcome of a call that has no hash.
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
    """A C queue and its pool, which each process makes when first needed.

    Attributes:
        started: Whether this process has made the pool.
    """

    cdef bb_queue *queue
    cdef bb_pool *pool
    cdef bb_kernel *kernel
    cdef unsigned workers
    cdef unsigned lanes
    cdef size_t max_waiting
    cdef unsigned users  # threads that wait for the pool to start or to end
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
            bb_queue_close(self.queue, False)  # no call is left: each call refers to this object
            if self.pool:
                with nogil:
                    while not bb_pool_wait(self.pool, MAX_SLICE_NS):
                        pass
        self.forget()

    cdef void forget(self) noexcept:
        """Release a queue and a pool that have no workers any more."""
        cdef bb_pool *pool = self.pool
        cdef bb_queue *queue = self.queue
        self.pool = NULL
        self.queue = NULL
        self.users = 0  # in a child after fork these were the parent's threads
        if pool:
            with nogil:
                bb_pool_release(pool)
        if queue:
            bb_queue_free(queue)

    cdef int find_queue(self) except -1:
        """Make this process's queue unless it exists; it then lives as long as this object."""
        with cython.critical_section(self):
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
        """Make the pool unless it exists or the queue is closed; return how many threads are new.

        Returns None if no pool was made, 0 if the system refuses even one thread.
        """
        cdef bb_pool *pool
        cdef unsigned size
        self.find_queue()
        with cython.critical_section(self):
            if self.pool or self.closed:
                return None
            pool = self.pool = bb_pool_make(bb_queue_work, self.queue, self.workers)
            if not pool:
                return 0
            self.users += 1
        with nogil:  # may take a second, if other threads make pools of hundreds of threads
            size = bb_pool_size(pool)
        bb_queue_set_threads(self.queue, size)
        self.leave_pool()
        return size

    @property
    def started(self):
        with cython.critical_section(self):
            return self.pool != NULL and not bb_queue_is_from_before_fork(self.queue)

    def compute(self, bytes password not None, bytes setting not None, tick not None, *,
                int64_t slice_ns, deadline_ns, bint even_if_full):
        """Return the hash of a password under a 29-byte setting, or CLOSED, FULL, TIMEOUT
        or WITHOUT_THREADS.

        Calls `tick` every `slice_ns`. If `tick` or a signal handler forks, the child begins again with
        its own queue. A child forked after `start`, but before the call was added, does the same.
        """
        cdef int64_t until_ns = INT64_MAX if deadline_ns is None else deadline_ns
        cdef bb_answer answer
        cdef bb_setting parsed
        cdef bb_call *call
        parse(setting, &parsed)
        while True:
            if self.start() == 0:
                return WITHOUT_THREADS
            call = bb_queue_add(self.queue, password, len(password), &parsed, even_if_full, NULL, NULL,
                                0, &answer)
            if not call:
                return refusal(answer)
            try:
                answer = self.wait(call, tick, slice_ns, until_ns)
                if answer == BB_ANSWER_NONE and bb_call_give_up(call, BB_REASON_TIMEOUT):
                    call = NULL
                    return TIMEOUT
                answer = bb_call_wait(call, 0)  # the answer came just in time, or earlier
                if answer == BB_ANSWER_DIGEST:
                    return hash_of(call)
                if answer != BB_ANSWER_FORKED:
                    return CLOSED
            finally:
                if call:
                    bb_call_end(call)

    cdef bb_answer wait(self, bb_call *call, tick, int64_t slice_ns, int64_t until_ns) except *:
        """Wait for an answer; return BB_ANSWER_NONE when the time is up."""
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
        """Return a Call that a mailbox of this process will get, or CLOSED, FULL or WITHOUT_THREADS."""
        cdef Call call = Call.__new__(Call)
        cdef bb_answer answer
        cdef bb_setting parsed
        parse(setting, &parsed)
        if self.start() == 0:
            return WITHOUT_THREADS
        if mailbox.queue is not self or not mailbox.current:
            raise ValueError("the mailbox is another queue's")
        mailbox.tokens += 1
        call.call = bb_queue_add(self.queue, password, len(password), &parsed, even_if_full, NULL,
                                 mailbox.mailbox, mailbox.tokens, &answer)
        if not call.call:
            return refusal(answer)
        call.mailbox = mailbox
        call.token = mailbox.tokens
        return call

    def close(self, tick not None, *, bint drain, int64_t slice_ns):
        """Take no more calls, and wait until the pool has ended; see pool.h and queue.h.

        After an exception from `tick` or a signal handler the pool still ends, without a wait.
        """
        cdef bint ended = False
        with cython.critical_section(self):
            self.closed = True
        self.find_queue()
        bb_queue_close(self.queue, drain)
        with cython.critical_section(self):
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
        """Stop waiting for the pool; the last waiter ends the pool, if its work has ended."""
        cdef bb_pool *pool = NULL
        with cython.critical_section(self):
            if self.users:  # 0 if a child after fork has called `forget` meanwhile
                self.users -= 1
            if self.pool and self.closed and not self.users and bb_pool_wait(self.pool, 0):
                pool = self.pool
                self.pool = NULL
        if pool:
            with nogil:
                bb_pool_release(pool)

    def stats(self):
        """Return the figures of queue.h by name."""
        cdef bb_queue_stats stats
        self.find_queue()
        bb_queue_read_stats(self.queue, &stats)
        return stats  # Cython makes a dict of a struct


@cython.final
cdef class Mailbox:
    """Gets the answered calls of one event loop."""

    cdef bb_mailbox *mailbox
    cdef Queue queue  # kept alive by this reference
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
        """Whether this process made the mailbox; a parent's mailbox gets no more calls."""
        return not bb_mailbox_is_from_before_fork(self.mailbox)

    def take(self, list tokens not None):
        """Append the tokens of the answered calls to a list."""
        cdef uint64_t token
        while bb_mailbox_take(self.mailbox, &token):
            tokens.append(token)


@cython.final
cdef class Call:
    """A submitted call; it ends with this object at the latest.

    Attributes:
        token: Identifies the call in its mailbox.
    """

    cdef bb_call *call
    cdef Mailbox mailbox  # kept alive by this reference
    cdef bint late
    cdef readonly uint64_t token

    def __dealloc__(self):
        self.end()

    def end(self):
        """Take the call out of the queue if it is there, and drop its result."""
        cdef bb_call *call = self.call
        self.call = NULL
        if call:
            bb_call_end(call)

    def give_up(self):
        """End the call as late, unless it has an answer; return whether it is late."""
        if self.call and bb_call_give_up(self.call, BB_REASON_TIMEOUT):
            self.call = NULL
            self.late = True
        return self.late

    def expire(self, future not None):
        """Give up the call and wake the future's waiter, unless the answer is already on its way.

        A loop's timer calls this only once. So no signal handler runs in here, and if the future
        raises, the loop gets this callback again.
        """
        try:
            if not future.done() and self.give_up():
                future.set_result(None)
        except:
            future.get_loop().call_soon(self.expire, future)
            raise

    def result(self):
        """Return the hash, CLOSED or TIMEOUT; to be called after the answer or `give_up`."""
        if self.call and bb_call_wait(self.call, 0) == BB_ANSWER_DIGEST:
            return hash_of(self.call)
        return TIMEOUT if self.late else CLOSED
