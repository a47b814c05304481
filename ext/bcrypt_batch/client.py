"""Find the server of a path, and ask it, from threads, greenlets and event loops.

A connection is one request. Each wait is one for the socket, which gevent and eventlet replace by
a wait of their own. No exception here has another as its context: that one would keep frames.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import time
from typing import TYPE_CHECKING
from weakref import WeakSet, ref

from . import protocol
from .errors import CheckerAway, CheckerClosed
from .listening import check_system, stranger, user_of_server
from .run import TICK_NS

if TYPE_CHECKING:
    from .starting import Launch

RECEIVED_BYTES = 8192
PAUSE_S = 0.005  # between two attempts, where many wait, or while a server is being started
STARTING_S = 5.0  # how long a call waits for a server that is being started or replaced
LOSSES = 3  # of a server in the middle of a call, before the call goes without
NOBODY = (errno.ENOENT, errno.ECONNREFUSED)


class Late(Exception):
    """The time of a call is up. Nothing of the call is in its frames."""


class Client:
    """Asks the server of one path.

    Attributes:
        path: Of the server's socket.
        closed: Whether no more calls may begin.
    """

    def __init__(self, path: str, *, start: bool) -> None:
        self.path = path
        self.closed = False
        self._start = start
        if start:  # imported now, because that takes longer than a call may
            from . import starting  # noqa: F401
        self._process = os.getpid()
        # Calls that go on, with the loop of each one's thread, and their connections. Weak: a call
        # may be interrupted before it can end, or drop its connection, which then ends. No
        # callbacks: they would swallow the exception of a signal handler.
        self._calls: dict[int, tuple[ref[object], asyncio.AbstractEventLoop | None]] = {}
        self._connections: dict[int, ref[socket.socket]] = {}
        self._cut = False
        self._launched: Launch | None = None
        # A server that failed to start is not started again at once.
        self._not_before, self._failure = 0.0, ""
        self._warned = False
        _clients.add(self)

    def begin(self, call: object) -> None:
        """Note that a call goes on, until `end`; raise CheckerClosed if none may begin."""
        if self._process != os.getpid():  # a fork that Python did not see
            self.forget_parent()
        self._calls[id(call)] = ref(call), asyncio._get_running_loop()
        if self.closed:  # asked last: closing waits for the calls that it does not refuse
            self.end(call)
            raise CheckerClosed("the checker is closed")

    def end(self, call: object) -> None:
        self._calls.pop(id(call), None)

    @property
    def is_idle(self) -> bool:
        """Whether no call goes on, except those of this thread's loop and of closed loops."""
        own = asyncio._get_running_loop()
        known = list(self._calls.values())
        return self._process != os.getpid() or not any(
            call() for call, loop in known if loop is None or not (loop is own or loop.is_closed())
        )

    def _open(self) -> list[socket.socket]:
        found = [connection() for connection in list(self._connections.values())]
        return [connection for connection in found if connection is not None]

    def cut(self) -> None:
        """End all connections, and let calls make no others."""
        self._cut = True
        for connection in self._open():
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def forget_parent(self) -> None:
        """Close the connections of the parent's calls, in a child after fork."""
        self._process = os.getpid()
        self._launched = None
        self._calls.clear()
        for connection in self._open():
            connection.close()
        self._connections.clear()

    # ---- Finding the server ----

    def _attempt(self, until: float, *, start: bool) -> socket.socket | None:
        """Return a connection, or None if there may be one after a pause.

        Raises:
            CheckerAway: No server is there, and none will be.
            CheckerClosed: The checker was closed, without waiting for calls.
        """
        if self._cut:
            raise CheckerClosed("the checker is closed")
        connection = None
        try:
            check_system()  # elsewhere the user who listens is unknown
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.setblocking(False)
            connection.connect(self.path)
            user = user_of_server(connection)
        except OSError as error:
            if connection is not None:
                connection.close()
            if error.errno == errno.EAGAIN:  # many wait to be taken
                return None
            if start and error.errno in NOBODY and self._start_server(until):
                return None
            raise CheckerAway(f"no server at {self.path}: {error.strerror}") from None
        if whom := stranger(user):
            connection.close()
            self._warn_of(whom)
            raise CheckerAway(f"{self.path} is served by {whom}")
        self._connections[id(connection)] = ref(connection)
        return connection

    def _warn_of(self, whom: str) -> None:
        if not self._warned:
            self._warned = True
            import warnings

            warnings.warn(
                f"{self.path} is served by {whom}: no password goes there",
                RuntimeWarning,
                stacklevel=2,
            )

    def _start_server(self, until: float) -> bool:
        """Start a server, unless one is starting or ending; return whether to wait for it.

        Raises:
            CheckerAway: It does not start.
        """
        from .starting import start

        launched, now = self._launched, time.monotonic()
        if now < self._not_before:
            raise CheckerAway(self._failure)
        if now >= until:
            return False
        try:
            if launched is not None:
                if launched.failure is None:
                    return True
                self._launched = None
                if launched.failure:
                    raise ChildProcessError(launched.failure)
            self._launched = start(self.path)
        except BlockingIOError:
            pass
        except (OSError, ValueError) as error:
            self._failure = f"no server at {self.path}, and none starts: {error}"
            self._not_before = now + STARTING_S
            raise CheckerAway(self._failure) from None
        return True

    def connect(self, deadline_ns: int | None, *, start: bool) -> socket.socket:
        """Return a connection to the server; drop it. Raises as `_attempt` does, and Late."""
        until = time.monotonic() + STARTING_S
        while True:
            _raise_if_late(deadline_ns)
            connection = self._attempt(until, start=start)
            if connection is not None:
                return connection
            time.sleep(PAUSE_S)

    async def connect_async(self, *, start: bool) -> socket.socket:
        """As `connect`, for asyncio."""
        until = time.monotonic() + STARTING_S
        while True:
            connection = self._attempt(until, start=start)
            if connection is not None:
                return connection
            await asyncio.sleep(PAUSE_S)

    def drop(self, connection: socket.socket) -> None:
        """Close a connection; a request without all its answers is abandoned, also by children."""
        if id(connection) in self._connections:  # else it is the parent's, in a child after fork
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            self._connections.pop(id(connection), None)
        connection.close()

    # ---- Asking it ----

    def ask(self, request: protocol.Request, deadline_ns: int | None) -> None:
        """Have the outcome of each item of a request.

        Raises:
            CheckerAway: There is no server, or it was lost again and again.
            CheckerClosed: The checker was closed.
            Late: The deadline is over. The request has what came before any of these.
        """
        losses = 0
        while left := request.left():
            connection = self.connect(deadline_ns, start=self._start)
            try:
                message, reader = request.next()
                talk(connection, message, reader, deadline_ns)
            finally:
                self.drop(connection)
            if reader.busy:
                time.sleep(PAUSE_S)
                continue
            losses = losses + 1 if request.left() == left else 0
            _raise_if_lost(losses)

    async def ask_async(self, request: protocol.Request) -> None:
        """As `ask`, for asyncio."""
        losses = 0
        while left := request.left():
            connection = await self.connect_async(start=self._start)
            try:
                message, reader = request.next()
                await talk_async(connection, message, reader)
            finally:
                self.drop(connection)
            if reader.busy:
                await asyncio.sleep(PAUSE_S)
                continue
            losses = losses + 1 if request.left() == left else 0
            _raise_if_lost(losses)

    def figures(self, seconds: float) -> dict[str, int]:
        """Return the server's statistics by name; empty if there is no server."""
        reader = protocol.Figures()
        deadline_ns = time.monotonic_ns() + int(seconds * 1e9)
        try:
            self.begin(reader)
            connection = self.connect(deadline_ns, start=False)
            try:
                talk(connection, protocol.stats_request(), reader, deadline_ns)
            finally:
                self.drop(connection)
        except (CheckerAway, CheckerClosed, Late):
            return {}
        finally:
            self.end(reader)
        return reader.values if len(reader.values) == len(protocol.FIGURES) else {}


_clients: WeakSet[Client] = WeakSet()


def _forget_parents() -> None:
    for client in list(_clients):
        client.forget_parent()


# At once: a signal handler may have forked in the middle of a call, which goes on in the child too.
os.register_at_fork(after_in_child=_forget_parents)


def _raise_if_late(deadline_ns: int | None) -> None:
    if deadline_ns is not None and time.monotonic_ns() >= deadline_ns:
        raise Late


def _raise_if_lost(losses: int) -> None:
    if losses >= LOSSES:
        raise CheckerAway("the server ended in the middle of the call, again and again")


def _set_slice(connection: socket.socket, deadline_ns: int | None) -> None:
    """Let the next wait end with the deadline, and soon enough for other threads' exceptions."""
    _raise_if_late(deadline_ns)
    left_ns = TICK_NS if deadline_ns is None else deadline_ns - time.monotonic_ns()
    connection.settimeout(max(min(TICK_NS, left_ns), 1000) / 1e9)


def talk(
    connection: socket.socket,
    message: bytearray,
    reader: protocol.Reader,
    deadline_ns: int | None,
) -> None:
    """Send a message, wipe it, and read the answer, as far as it comes.

    Raises:
        CheckerAway: The server refuses the request as a whole.
        Late: The deadline is over.
    """
    try:
        sent = 0
        while sent < len(message):
            try:
                _set_slice(connection, deadline_ns)
                with memoryview(message)[sent:] as rest:
                    sent += connection.send(rest, socket.MSG_NOSIGNAL)
            except TimeoutError:
                continue
            except OSError:  # it may have answered nevertheless
                break
    finally:
        protocol.wipe(message)
    while not reader.complete:
        try:
            _set_slice(connection, deadline_ns)
            data = connection.recv(RECEIVED_BYTES)
        except TimeoutError:
            continue
        except OSError:
            return
        if not data:
            return
        reader.take(data)


async def talk_async(
    connection: socket.socket, message: bytearray, reader: protocol.Reader
) -> None:
    """As `talk`, for asyncio."""
    loop = asyncio.get_running_loop()
    try:
        with contextlib.suppress(OSError):  # it may have answered nevertheless
            # One item, which an empty buffer takes. The loop's own way has no flags.
            connection.send(message, socket.MSG_NOSIGNAL)
    finally:
        protocol.wipe(message)
    while not reader.complete:
        try:
            data = await loop.sock_recv(connection, RECEIVED_BYTES)
        except OSError:
            return
        if not data:
            return
        reader.take(data)
