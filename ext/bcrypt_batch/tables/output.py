"""The file of results: readable by its owner only, written in whole lines, and resumable."""

from __future__ import annotations

import json
import os
import stat
import sys
from contextlib import suppress
from typing import Any

from .inputs import STDIN
from .interrupts import Interrupts
from .journal import STATE_VERSION, Failed, check_state, scan
from .messages import STDOUT, naming, say
from .newfiles import (
    MODE,
    OutputRefused,
    StandardOutput,
    check_ours,
    is_at,
    lock,
    make_private,
    new_files,
    open_ours,
    sync,
)
from .results import Counts

NONE = Counts()


class WriteFailed(OSError):
    """Writing to the output failed: the disk is full, for instance.

    Attributes:
        size: How many bytes of the last write are in the output.
        rows: How many complete rows the output has; None if `size` determines them.
    """

    def __init__(self, error: OSError, size: int = 0, rows: int | None = None) -> None:
        super().__init__(error.errno, error.strerror)
        self.size = size
        self.rows = rows


class WriteStopped(KeyboardInterrupt):
    """A signal or the deadline came while the output had no reader.

    Attributes:
        size: How many bytes of the last write are in the output.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size


class Output:
    """The destination of result lines.

    Attributes:
        counts: Counts of the lines that the output already has.
        empty: Whether it is empty, without even a header.
        form: `jsonl` or `csv`.
        resumable: Whether another run can resume it.
    """

    def __init__(
        self,
        descriptor: int,
        path: str,
        form: str,
        counts: Counts = NONE,
        *,
        empty: bool = True,
        resumable: bool = False,
        synced: bool = True,
        standard: StandardOutput | None = None,
    ) -> None:
        self._descriptor: int | None = descriptor
        self._standard = standard
        self._path = path
        self.form = form
        self._synced = synced
        self.counts = counts
        self.empty = empty
        self.resumable = resumable

    def write(self, data: bytes) -> None:
        """Hand lines over to the system, which keeps them even if the process is killed.

        Raises:
            WriteFailed: The system took only a part of the lines, or none.
            WriteStopped: A signal or the deadline came before a reader took all the lines.
            BrokenPipeError: Nobody reads standard output any more.
        """
        assert self._descriptor is not None
        rest = memoryview(data)
        try:
            while rest:
                out = self._standard
                rest = rest[out.write(rest) if out else os.write(self._descriptor, rest) :]
        except BrokenPipeError:
            raise
        except KeyboardInterrupt:
            raise WriteStopped(len(data) - len(rest)) from None
        except OSError as error:
            raise WriteFailed(error, len(data) - len(rest)) from None

    def finish(self) -> None:
        """Flush the lines to disk, and close the file.

        Raises:
            WriteFailed: The system lost lines that it had taken, as network file systems can.
        """
        try:
            if self._descriptor not in (None, STDOUT) and self._synced:
                sync(self._descriptor, self._path)
            self.close()
        except OSError as error:
            self.close()
            with open(open_ours(self._path, os.O_RDONLY), "rb") as file:
                counts = scan(file.fileno(), self.form).counts
            raise WriteFailed(error, rows=counts.rows) from None

    def close(self) -> None:
        """Close the file, unless `finish` has."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor not in (None, STDOUT):
            os.close(descriptor)


def check_paths(
    source: str, path: str, given_as: str = "the input", taken_as: str = "--output"
) -> None:
    """Refuse an output that would overwrite its input, and a closed standard input.

    Each may be `-`; messages call them `given_as` and `taken_as`.
    """
    if source == "-" and sys.stdin is None:
        raise OutputRefused("standard input is closed")
    given = os.stat(STDIN if source == "-" else source)
    if not stat.S_ISREG(given.st_mode):
        return  # input and output may be the same, a terminal for instance
    for taken, refused in (
        (STDOUT if path == "-" else path, f"{taken_as} is {given_as} itself"),
        (f"{path}.state", f"{given_as} has the name of the output's state file"),
    ):
        with suppress(OSError):  # the file doesn't exist yet
            if os.path.samestat(given, os.stat(taken)):
                raise OutputRefused(refused)


def open_output(
    path: str,
    state: dict[str, Any],
    *,
    form: str,
    resume: bool,
    force: bool,
    interrupts: Interrupts,
    failed: Failed = lambda *_: None,
) -> Output:
    """Open a file for results.

    Args:
        path: The file, or `-` for standard output.
        state: The input and options that the results depend on. A resumed file must have the same
            input and options. Without an `input` the file can't be resumed.
        form: `jsonl` or `csv`.
        resume: Continue after the existing lines.
        force: Start over in a new file, whatever exists.
        interrupts: The signals and the deadline, which may end the command meanwhile.
        failed: Called for each existing row in error, with its number, id and error.

    Raises:
        OutputRefused: The file exists, without `resume` or `force`; or it isn't a plain file of
            ours; or it was made from another input or with other options; or another process is
            writing it.
        OSError: The file can't be opened.
    """
    if path == "-":
        return Output(STDOUT, "standard output", form, standard=StandardOutput(interrupts))
    found = _open_locked(path) if resume or force else None
    if found is None:
        return _begun(path, state, form, interrupts, replace=False)
    try:
        if resume and os.fstat(found).st_size:
            return _taken_up(os.dup(found), path, state, form, failed)
        return _begun(path, state, form, interrupts, replace=True)
    finally:
        os.close(found)


def _open_locked(path: str) -> int | None:
    """Open and lock an existing output; return its descriptor, None if there is no file."""
    while True:
        try:
            descriptor = open_ours(path, os.O_RDWR)
        except FileNotFoundError:
            return None
        try:
            lock(descriptor, path)
            if is_at(path, descriptor):  # another process's --force hasn't replaced it
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _begun(
    path: str, state: dict[str, Any], form: str, interrupts: Interrupts, *, replace: bool
) -> Output:
    """Make a new output, then its state, so that the new state never belongs to old lines."""
    resumable = state.get("input") is not None
    with interrupts.deferred():
        descriptor = -1
        try:
            with new_files(interrupts, replace=True) as made:
                descriptor = made.make(path) if replace else _create(path, resumable)
                if not replace:
                    make_private(descriptor, path)
                lock(descriptor, path, silent=replace)  # locking the old file has warned already
                with made.file(f"{path}.state") as file:
                    file.write(json.dumps({"version": STATE_VERSION, **state}).encode() + b"\n")
                if not replace and not is_at(path, descriptor):
                    raise OutputRefused(f"another process is writing {path}")
        except BaseException:
            if descriptor >= 0:
                if not replace and is_at(path, descriptor):
                    os.unlink(path)
                os.close(descriptor)
            raise
    return Output(descriptor, path, form, resumable=resumable, synced=made.synced)


def _create(path: str, resumable: bool) -> int:
    """Make an output under its final name, where --resume finds it."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, MODE)
    except FileExistsError:
        check_ours(path, os.lstat(path))
        goes_on = "use --resume to continue it, or " if resumable else "use "
        raise OutputRefused(f"{path} exists; {goes_on}--force to replace it") from None


def _taken_up(
    descriptor: int, path: str, state: dict[str, Any], form: str, failed: Failed
) -> Output:
    """Drop an incomplete last line, count the complete lines, and seek to their end."""
    try:
        if os.fstat(descriptor).st_nlink > 1:
            raise OutputRefused(
                f"{path} has other names too (hard links), which would show the results; "
                "resume with a copy; --force begins anew"
            )
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        make_private(descriptor, path)
        if mode & 0o077:
            say(
                f"{path} had the mode {mode:o}: a process that opened it before can still read it; "
                "--force begins anew in another file"
            )
        check_state(path, state)
        counts, whole, last = scan(descriptor, form, failed)
        if counts.rows and last != counts.rows - 1:
            raise OutputRefused(
                f"{path} doesn't have one line for each row from 0 on; --force begins anew"
            )
        with naming(path):
            os.ftruncate(descriptor, whole)
            os.lseek(descriptor, whole, os.SEEK_SET)
    except BaseException:
        os.close(descriptor)
        raise
    return Output(descriptor, path, form, counts, empty=not whole, resumable=True)
