"""Files that only their owner can read: made new, and named when they are complete.

No other user may control the file or have it open. A named pipe, a device, a link or another user's
file at the path is refused. A replaced file keeps its content for programs that have it open.
"""

from __future__ import annotations

import errno
import fcntl
import io
import os
import select
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from .interrupts import Interrupts
from .messages import STDOUT, naming, say

GRACE_S = 0.5
MODE = 0o600
# Errors of flock, fsync and chmod on network and FUSE file systems that lack them.
UNSUPPORTED = (
    errno.EINVAL, errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOTTY,
)  # fmt: skip
KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class OutputRefused(Exception):
    """The output can't be written as specified; the message gives the remedy."""


def check_ours(path: str, about: os.stat_result) -> None:
    """Refuse a file that isn't a plain file, or is another user's.

    Raises:
        OutputRefused: With the path and the remedy.
    """
    for is_kind, name in KINDS:
        if is_kind(about.st_mode):
            raise OutputRefused(
                f"{path} is {name}, and outputs are plain files: give another path, or "
                "--output - for standard output"
            )
    if about.st_uid != os.geteuid() and about.st_uid != _uid_of_new_files(path):
        raise OutputRefused(
            f"{path} belongs to another user (uid {about.st_uid}): give another path, or remove it"
        )


def _uid_of_new_files(path: str) -> int:
    """Return the owner of a new file in this folder: network file systems may map users."""
    with suppress(OSError), tempfile.TemporaryFile(dir=os.path.dirname(path) or ".") as file:
        return os.fstat(file.fileno()).st_uid
    return os.geteuid()


def open_ours(path: str, flags: int) -> int:
    """Open a plain file of ours; return its descriptor.

    Raises:
        OutputRefused: The file isn't a plain file, or is another user's.
        OSError: The file can't be opened.
    """
    check_ours(path, os.lstat(path))  # opening a device may have side effects
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        check_ours(path, os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def is_at(path: str, descriptor: int) -> bool:
    """Return whether a path still leads to an open file."""
    try:
        return os.path.samestat(os.lstat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def make_private(descriptor: int, path: str) -> None:
    """Let only the owner read a file; warn if its file system has no modes."""
    if stat.S_IMODE(os.fstat(descriptor).st_mode) == MODE:
        return
    with naming(path):
        try:
            os.fchmod(descriptor, MODE)
        except OSError as error:
            if error.errno not in (errno.EPERM, *UNSUPPORTED):
                raise
    mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
    if mode & 0o077:
        say(f"{path}: its file system keeps it at mode {mode:o}: others may be able to read it")


def lock(descriptor: int, path: str, *, silent: bool = False) -> None:
    """Keep other processes from writing a file; warn if its file system has no locks.

    Raises:
        OutputRefused: Another process is writing it.
        OSError: The system refuses the lock.
    """
    try:
        with naming(path):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OutputRefused(f"another process is writing {path}") from None
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        if not silent:
            say(
                f"{path}: its file system has no locks ({error.strerror}): "
                "make sure that no other process writes it"
            )


def sync(descriptor: int, path: str) -> bool:
    """Flush a file to disk: its source may be deleted next.

    Returns:
        Whether the file system has fsync; if not, there is a warning on standard error.
    """
    try:
        with naming(path):
            os.fsync(descriptor)
            if hasattr(fcntl, "F_FULLFSYNC"):  # macOS's fsync leaves data in the drive's cache
                fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        say(f"{path}: its file system has no fsync ({error.strerror}): a power cut may lose it")
        return False
    return True


class StandardOutput(io.RawIOBase):
    """Standard output, given as `-`: a signal ends a wait for its reader.

    Raises:
        OutputRefused: Standard output is closed.
    """

    def __init__(self, interrupts: Interrupts) -> None:
        if sys.stdout is None:
            raise OutputRefused("standard output is closed")
        self._interrupts = interrupts
        self._waits = not stat.S_ISREG(os.fstat(STDOUT).st_mode)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        """Write some of the data.

        Raises:
            KeyboardInterrupt: Nobody has read for half a second after a signal or the deadline.
            OSError: The system takes no more.
        """
        data = memoryview(data)
        try:
            while self._waits:
                stopped = self._interrupts.stopped
                if self._interrupts.wait(STDOUT, select.POLLOUT, GRACE_S if stopped else None):
                    break
                if stopped:
                    raise KeyboardInterrupt
            # A pipe that is ready takes PIPE_BUF bytes without blocking.
            return os.write(STDOUT, data[: select.PIPE_BUF] if self._waits else data)
        except BlockingIOError:  # the pipe is non-blocking, as Node.js makes pipes
            return 0


class NewFiles:
    """Files under temporary names, which get their final names together.

    Attributes:
        synced: Whether their file system has fsync, as far as is known.
    """

    def __init__(self, interrupts: Interrupts, *, replace: bool) -> None:
        self._interrupts = interrupts
        self._replace = replace
        self._made: dict[str, str] = {}  # temporary name to final name
        self._superseded: list[str] = []
        self.synced = True

    def make(self, path: str) -> int:
        """Make a file of mode 600; return its descriptor.

        Raises:
            OutputRefused: A file of this name exists, and isn't ours or must not be replaced.
            OSError: The file can't be made.
        """
        self._check(path)
        with self._interrupts.deferred():
            try:
                folder = os.path.dirname(path) or "."
                descriptor, temporary = tempfile.mkstemp(prefix=".bcrypt-batch-", dir=folder)
            except OSError as error:
                raise OSError(error.errno, error.strerror, path) from None
            self._made[temporary] = path
        make_private(descriptor, path)
        return descriptor

    @contextmanager
    def file(self, path: str) -> Iterator[BinaryIO]:
        """Make a file for writing; `-` is standard output, which gets no name."""
        if path == "-":
            standard = StandardOutput(self._interrupts)
            with naming("standard output"), io.BufferedWriter(standard) as out:
                yield out
            return
        with naming(path), open(self.make(path), "wb") as file:
            yield file
            file.flush()
            self.synced = self.synced and sync(file.fileno(), path)

    def supersede(self, path: str) -> None:
        """Remove an older file of ours when these files take their names."""
        self._superseded.append(path)

    def take_names(self) -> None:
        """Give the files their names: all of them, or none if one name is taken.

        Raises:
            OutputRefused: A name was taken meanwhile, or an older file is not ours.
            OSError: A name can't be given.
        """
        with self._interrupts.deferred():
            for path in (*self._made.values(), *self._superseded) if self._replace else ():
                self._check(path)
            named: list[str] = []
            try:
                for temporary, path in self._made.items():
                    self._name(temporary, path)
                    named.append(path)
            except BaseException:
                for path in () if self._replace else named:
                    os.unlink(path)
                raise
            for path in self._superseded:
                os.unlink(path)
            for folder in {os.path.dirname(path) or "." for path in self._made.values()}:
                self._sync_folder(folder)

    def remove(self) -> None:
        """Remove the files that have no final name."""
        with self._interrupts.deferred():
            for temporary in self._made:
                Path(temporary).unlink(missing_ok=True)

    def _check(self, path: str) -> None:
        try:
            about = os.lstat(path)
        except FileNotFoundError:
            return
        check_ours(path, about)
        if not self._replace:
            raise OutputRefused(f"{path} exists; use --force to replace it")

    def _name(self, temporary: str, path: str) -> None:
        if self._replace:
            os.replace(temporary, path)
            return
        try:
            _link(temporary, path)
        except FileExistsError:
            raise OutputRefused(f"{path} exists; use --force to replace it") from None

    def _sync_folder(self, folder: str) -> None:
        try:
            descriptor = os.open(folder, os.O_RDONLY)
        except PermissionError:
            return  # the folder can't be read, but its files are complete
        try:
            self.synced = self.synced and sync(descriptor, folder)
        finally:
            os.close(descriptor)


def _link(temporary: str, path: str) -> None:
    """Rename a file; unlike rename(2), replace nothing."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # the file system has no hard links: reserve the name
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE))
        try:
            os.replace(temporary, path)
        except OSError:
            os.unlink(path)
            raise
    else:
        os.unlink(temporary)


@contextmanager
def new_files(interrupts: Interrupts, *, replace: bool) -> Iterator[NewFiles]:
    """Make files that get their names if the block succeeds; otherwise remove them.

    With `replace`, they replace plain files of ours that have their names.
    """
    made = NewFiles(interrupts, replace=replace)
    try:
        yield made
        made.take_names()
    finally:
        made.remove()
