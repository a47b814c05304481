"""The boundary of the server; _native.pyx includes this file. Passwords stay in C memory here."""

MOST_CONNECTIONS = BB_MOST_CONNECTIONS
TRANSFER_NS = BB_TRANSFER_S * <int64_t>1_000_000_000  # overflows a C int


@cython.final
cdef class Server:
    """Serves a started queue on a non-blocking listening socket."""

    cdef bb_server *server
    cdef Queue queue  # kept alive by this reference
    cdef bint running

    def __cinit__(self, Queue queue not None, int listener, *, int wakeup, unsigned max_cost,
                  unsigned connections, bint any_user,
                  int64_t transfer_ns=TRANSFER_NS):
        """`wakeup` is a file descriptor that a signal makes readable; see server.h."""
        cdef bb_server_options options
        if not queue.started:
            raise ValueError("a queue is started before it is served")
        options.listener = listener
        options.wakeup = wakeup
        options.max_cost = max_cost
        options.connections = min(connections, BB_MOST_CONNECTIONS)
        options.any_user = any_user
        options.transfer_ns = transfer_ns
        self.queue = queue
        self.server = bb_server_make(queue.queue, &options)
        if not self.server:
            raise OSError(errno, "the system refused memory or a file descriptor for the server")

    def __dealloc__(self):
        if self.server:
            bb_server_free(self.server)

    def run(self):
        """Serve until a signal arrives or a second has passed; return whether to continue.

        Returns False after `stop`, when no connection is left.
        """
        cdef bb_turn turn
        if self.running or not self.server:
            raise ValueError("one thread runs a server until it is closed")
        self.running = True
        with nogil:
            turn = bb_server_run(self.server)
        self.running = False
        PyErr_CheckSignals()
        return turn != BB_TURN_ENDED

    def stop(self, *, bint last):
        """Accept no more connections; with `last`, first accept the connections that wait."""
        if self.server:
            bb_server_stop(self.server, last)

    @property
    def idle_ns(self):
        """How long there has been no item to compute."""
        return bb_server_idle_ns(self.server) if self.server else 0

    def close(self):
        """Drop all connections."""
        cdef bb_server *server = self.server
        if self.running:
            raise ValueError("a server that runs can't be closed")
        self.server = NULL
        if server:
            bb_server_free(server)
