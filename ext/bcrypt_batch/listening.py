"""The socket file of a server: who may make it, where it may be, who answers there."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
import struct
import sys
from typing import Self
from weakref import WeakSet

LONGEST_PATH = 107  # bytes: sun_path of unix(7) less its NUL
DEFAULT_MODE = 0o600
BACKLOG = 4096
FIRST_FREE = 3  # the first descriptor after those of the standard streams
UCRED = struct.Struct("iII")  # of SO_PEERCRED: process, user, group
UNMAPPED = 65534  # stands for each user that a user namespace doesn't map; see user_namespaces(7)
ALL_MAPPED = ["0", "0", "4294967295"]


class Listener:
    """A socket that listens at a path, and the lock that allows one server for a path.

    The lock is a locked file beside the socket. The process that holds the lock is the server, or
    starts the server, which inherits the lock with the socket. The system releases the lock when
    its last holder ends, also after a crash.

    Attributes:
        socket: The listening socket, non-blocking.
        path: Path of the socket file; None if another program has made the file.
        is_open_to_others: Whether the file's mode lets other users connect.
    """

    def __init__(self, listening: socket.socket, path: str | None, lock: int | None) -> None:
        self.socket = listening
        self.path = path
        self.lock = lock
        self._file = None if path is None else _identity(path)
        try:
            self.is_open_to_others = bool(os.stat(self.name).st_mode & 0o022)
        except (OSError, ValueError):  # the socket has no file
            self.is_open_to_others = False
        _listeners.add(self)

    @property
    def name(self) -> str:
        """The path, as clients know it."""
        return self.path or str(self.socket.getsockname())

    @property
    def is_there(self) -> bool:
        """Whether clients still find this socket at its path."""
        return self.path is None or (self._file is not None and _identity(self.path) == self._file)

    def remove(self) -> None:
        """Remove the file, if it is still this socket's."""
        if self.path is not None and self.is_there:
            os.unlink(self.path)
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening in this process; a server that has inherited the socket continues."""
        self.socket.close()
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None
        _listeners.discard(self)


_listeners: WeakSet[Listener] = WeakSet()


def _close_in_child() -> None:
    for listener in list(_listeners):
        listener.close()


os.register_at_fork(after_in_child=_close_in_child)


def listen(path: str, mode: int = DEFAULT_MODE) -> Listener:
    """Listen at a path; replace the socket file of a server that has ended.

    Raises:
        BlockingIOError: A server listens there already, or is starting or ending.
        OSError: The path or its lock file can't be used; the error says why.
        ValueError: The path is too long for a socket.
    """
    check_path(path)
    lock = _take_lock(path + ".lock", path)
    try:
        _remove_stale(path)
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening = socket.socket(fileno=_above_streams(made.detach()))
        try:
            # Nobody can connect before listen(), and by then the mode is set.
            os.fchmod(listening.fileno(), mode)
            listening.bind(path)
            os.chmod(path, mode)
            listening.setblocking(False)
            listener = Listener(listening, path, lock)
            listening.listen(BACKLOG)
            return listener
        except BaseException as error:
            listening.close()
            if isinstance(error, OSError) and error.filename is None:
                raise OSError(error.errno, error.strerror, path) from None
            raise
    except BaseException:
        os.close(lock)
        raise


def inherited(descriptor: int, path: str | None = None, lock: int | None = None) -> Listener:
    """Take over a listening socket.

    Raises:
        ValueError: The descriptor isn't a listening Unix stream socket.
    """
    try:
        listening = socket.socket(fileno=descriptor)
    except OSError:
        raise ValueError(f"file descriptor {descriptor} is not a socket") from None
    if listening.family != socket.AF_UNIX or listening.type != socket.SOCK_STREAM:
        raise ValueError(f"file descriptor {descriptor} is not a Unix stream socket")
    if not listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        raise ValueError(f"file descriptor {descriptor} is not a listening socket")
    listening.setblocking(False)
    for each in (descriptor, *([] if lock is None else [lock])):
        os.set_inheritable(each, False)
    return Listener(listening, path, lock)


def check_system() -> None:
    """Raise OSError if this system can't run a server."""
    if sys.platform != "linux":
        raise OSError(
            errno.ENOTSUP,
            "the server of a SharedChecker needs Linux: use a Checker, or run the server and the "
            "programs that call it in a Linux container",
        )


def check_path(path: str) -> None:
    """Raise ValueError if a path is too long for a socket, or empty."""
    if not 0 < len(os.fsencode(path)) <= LONGEST_PATH or "\0" in path:
        raise ValueError(
            f"a socket's path has 1 to {LONGEST_PATH} bytes, not {len(os.fsencode(path))}"
        )


def user_of_server(connection: socket.socket) -> int:
    """Return the id of the user who listens at the other end of a connection."""
    _, user, _ = UCRED.unpack(
        connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, UCRED.size)
    )
    return int(user)


def stranger(user: int) -> str:
    """Describe a server's user that must not get passwords; empty for one's own user and root."""
    if user == UNMAPPED == os.geteuid() and not _are_all_users_mapped():
        return f"number {user}, any user that this process's user namespace doesn't map"
    return "" if user in (os.geteuid(), 0) else f"another user, number {user}"


def _are_all_users_mapped() -> bool:
    try:
        with open("/proc/self/uid_map") as users:
            return users.read().split() == ALL_MAPPED
    except OSError:
        return False


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _above_streams(descriptor: int) -> int:
    """Move a descriptor out of the numbers of the standard streams, which this process lacks.

    The server that gets it has these streams.
    """
    if descriptor >= FIRST_FREE:
        return descriptor
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, FIRST_FREE)
    finally:
        os.close(descriptor)


def _take_lock(path: str, served: str) -> int:
    while True:
        lock = _above_streams(
            os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        )
        try:
            about = os.fstat(lock)
            if not stat.S_ISREG(about.st_mode) or about.st_uid != os.geteuid():
                raise OSError(
                    errno.EPERM, "belongs to another user, or is not a regular file", path
                )
            if about.st_mode & 0o600 != 0o600:  # a umask may remove even the owner's bits
                os.fchmod(lock, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BlockingIOError(errno.EAGAIN, "another server is there", served) from None
            if _identity(path) == (about.st_dev, about.st_ino):
                return lock
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)  # somebody has removed the file meanwhile


def _remove_stale(path: str) -> None:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if stat.S_ISLNK(found.st_mode):
        raise OSError(errno.ELOOP, "is a symbolic link; name the socket's own path", path)
    if not stat.S_ISSOCK(found.st_mode):
        raise OSError(errno.EEXIST, "exists, and is not a socket", path)
    if found.st_uid != os.geteuid():
        raise OSError(errno.EPERM, "is another user's socket", path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except BlockingIOError:  # a server listens, but its backlog is full
            pass
        except FileNotFoundError:
            return
    raise BlockingIOError(errno.EAGAIN, "another server is there", path)
