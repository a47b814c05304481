"""The file of results: made for its owner alone, written in whole lines, and taken up again.

Taking up needs no journal. The lines are in the order of the rows, one for each: what was torn is
dropped, the rest counted, and as many rows skipped. A small file beside the output says which
input and which options it was made of, so that it isn't continued with others.
"""

from __future__ import annotations

import csv
import io
import json
import os
import select
import stat
import sys
from contextlib import suppress
from typing import Any

from .inputs import STDIN
from .interrupts import Interrupts
from .lines import Lines
from .messages import naming, say
from .newfiles import (
    MODE,
    OutputRefused,
    check_ours,
    is_at,
    lock,
    make_private,
    new_files,
    open_ours,
    standard_output,
    sync,
)
from .results import Counts, count_line

STDOUT = 1
STATE_VERSION = 1
UNLIMITED = 1 << 62


NONE = Counts()


class WriteFailed(OSError):
    """The output took no more: a full disk, for instance.

    Attributes:
        size: How many bytes it took of the lines that were being written.
        rows: How many rows are whole in it; None if `size` says that.
    """

    def __init__(self, error: OSError, size: int = 0, rows: int | None = None) -> None:
        super().__init__(error.errno, error.strerror)
        self.size = size
        self.rows = rows


class Output:
    """Where result lines go.

    Attributes:
        counts: What the lines that are there already say.
        empty: Whether nothing is there, not even a header.
        resumable: Whether another run can take it up.
    """

    def __init__(
        self,
        descriptor: int,
        path: str,
        counts: Counts = NONE,
        *,
        form: str = "jsonl",
        empty: bool = True,
        resumable: bool = False,
        synced: bool = True,
    ) -> None:
        self._descriptor: int | None = descriptor
        self._path = path
        self._form = form
        self._synced = synced
        self.counts = counts
        self.empty = empty
        self.resumable = resumable

    def write(self, data: bytes) -> None:
        """Hand lines over to the system; a killed process has lost nothing of them.

        Raises:
            WriteFailed: The system took a part of them at most.
            BrokenPipeError: Nobody reads standard output any more.
        """
        assert self._descriptor is not None
        rest = memoryview(data)
        try:
            while rest:
                try:
                    rest = rest[os.write(self._descriptor, rest) :]
                except BlockingIOError:  # a pipe that doesn't wait by itself, as node makes them
                    select.select([], [self._descriptor], [])
        except BrokenPipeError:
            raise
        except OSError as error:
            raise WriteFailed(error, len(data) - len(rest)) from None

    def finish(self) -> None:
        """Have the lines on disk, and close the file.

        Raises:
            WriteFailed: The system has lost some of what it took, as network file systems can.
        """
        try:
            if self._descriptor not in (None, STDOUT) and self._synced:
                sync(self._descriptor, self._path)
            self.close()
        except OSError as error:
            self.close()
            with open(open_ours(self._path, os.O_RDONLY), "rb") as file:
                counts, _, _ = _scan(file.fileno(), self._form)
            raise WriteFailed(error, rows=counts.rows) from None

    def close(self) -> None:
        """Close the file, unless `finish` has."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor not in (None, STDOUT):
            os.close(descriptor)


def check_paths(source: str, path: str) -> None:
    """Refuse an output that would take the place of its input, and an input that is closed.

    Args:
        source: The input, or `-` for standard input.
        path: The output, or `-` for standard output.
    """
    if source == "-" and sys.stdin is None:
        raise OutputRefused("standard input is closed")
    given = os.stat(STDIN if source == "-" else source)
    if not stat.S_ISREG(given.st_mode):
        return  # what may be one and the same, a terminal for instance
    for taken, refused in (
        (STDOUT if path == "-" else path, "--output is the input itself"),
        (f"{path}.state", "the input has the name of the output's state file"),
    ):
        with suppress(OSError):  # there is none yet
            if os.path.samestat(given, os.stat(taken)):
                raise OutputRefused(refused)


def input_state(name: str) -> dict[str, int] | None:
    """Return what tells one input from another without reading it; None where nothing does."""
    if name == "-" or not stat.S_ISREG((about := os.stat(name)).st_mode):
        return None
    return {"size": about.st_size, "mtime_ns": about.st_mtime_ns}


def open_output(
    path: str,
    state: dict[str, Any],
    *,
    form: str,
    resume: bool,
    force: bool,
    interrupts: Interrupts,
) -> Output:
    """Open a file for results.

    Args:
        path: The file, or `-` for standard output.
        state: What the results depend on; must be the same when the file is taken up again.
            Without an `input` it can't be.
        form: `jsonl` or `csv`.
        resume: Go on after the lines that are there.
        force: Begin anew, in a new file, whatever is there.
        interrupts: What may end the command meanwhile.

    Raises:
        OutputRefused: There is such a file, and neither is asked for; or it is no plain file of
            ours; or it was made from another input or with other options; or another process is
            writing it.
        OSError: It can't be opened.
    """
    if path == "-":
        standard_output()
        return Output(STDOUT, "standard output")
    found = _open_locked(path) if resume or force else None
    if found is None:
        return _begun(path, state, form, interrupts, replace=False)
    try:
        if resume and os.fstat(found).st_size:
            return _taken_up(os.dup(found), path, state, form)
        return _begun(path, state, form, interrupts, replace=True)
    finally:
        os.close(found)


def _open_locked(path: str) -> int | None:
    """Open an output that nobody else writes; return its descriptor, None if there is none."""
    while True:
        try:
            descriptor = open_ours(path, os.O_RDWR)
        except FileNotFoundError:
            return None
        try:
            lock(descriptor, path)
            if is_at(path, descriptor):  # and --force of another process has not replaced it
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _begun(
    path: str, state: dict[str, Any], form: str, interrupts: Interrupts, *, replace: bool
) -> Output:
    """Make an output and its state, both anew; the output first, lest its lines get this state."""
    resumable = state.get("input") is not None
    with interrupts.deferred():
        descriptor = -1
        try:
            with new_files(interrupts, replace=True) as made:
                descriptor = made.make(path) if replace else _create(path, resumable)
                if not replace:
                    make_private(descriptor, path)
                lock(descriptor, path, silent=replace)  # what is replaced had the same locks
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
    return Output(descriptor, path, form=form, resumable=resumable, synced=made.synced)


def _create(path: str, resumable: bool) -> int:
    """Make an output under its own name, where --resume finds it."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, MODE)
    except FileExistsError:
        check_ours(path, os.lstat(path))
        goes_on = "--resume goes on with it, " if resumable else ""
        raise OutputRefused(f"{path} exists; {goes_on}--force begins anew") from None


def _taken_up(descriptor: int, path: str, state: dict[str, Any], form: str) -> Output:
    """Drop what was torn, count the rest, and stand at the end."""
    try:
        if os.fstat(descriptor).st_nlink > 1:
            raise OutputRefused(
                f"{path} has other names too (hard links), which would get the results; "
                "go on with a copy, or --force begins anew"
            )
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        make_private(descriptor, path)
        if mode & 0o077:
            say(
                f"{path} had the mode {mode:o}: who opened it then can read on; --force begins "
                "anew in another file"
            )
        _check_state(path, state)
        counts, whole, last = _scan(descriptor, form)
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
    return Output(descriptor, path, counts, form=form, empty=not whole, resumable=True)


def _check_state(path: str, state: dict[str, Any]) -> None:
    file = f"{path}.state"
    try:
        with open(open_ours(file, os.O_RDONLY), "rb") as opened:
            found = json.loads(opened.read())
    except FileNotFoundError:
        raise OutputRefused(
            f"{file} is missing, so nothing tells what {path} was made of; --force begins anew"
        ) from None
    except (ValueError, RecursionError):
        raise OutputRefused(f"{file} can't be read; --force begins anew") from None
    if not isinstance(found, dict) or found.get("version") != STATE_VERSION:
        raise OutputRefused(f"{file} is of another version; --force begins anew")
    for name, value in json.loads(json.dumps(state)).items():
        if found.get(name) != value:
            what = "from another input" if name == "input" else f"with another {name}"
            raise OutputRefused(f"{path} was made {what}; --force begins anew")


def _scan(descriptor: int, form: str) -> tuple[Counts, int, int | None]:
    """Return counts, the size of the whole lines, and the number of the last row."""
    with open(os.dup(descriptor), "rb") as file:
        file.seek(0)
        return _scan_csv(file) if form == "csv" else _scan_json(file)


def _scan_json(file: io.BufferedReader) -> tuple[Counts, int, int | None]:
    rows = errors = unmatched = whole = 0
    last = b""
    for line in file:
        if not line.endswith(b"\n"):
            break
        one = count_line(line)
        rows, errors, unmatched = rows + one.rows, errors + one.errors, unmatched + one.unmatched
        whole += len(line)
        last = line
    return Counts(rows, errors, unmatched), whole, _number(last)


def _number(line: bytes) -> int | None:
    try:
        found = json.loads(line)
        return found["row"] if isinstance(found["row"], int) else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _scan_csv(file: io.BufferedReader) -> tuple[Counts, int, int | None]:
    """Scan CSV, where a record may have line ends in it."""
    lines = Lines(file, limit=UNLIMITED)
    reader = csv.reader(lines, strict=True)
    limit = csv.field_size_limit(UNLIMITED)  # these are our own lines, whatever the input let in
    size = os.fstat(file.fileno()).st_size
    ends = os.pread(file.fileno(), 1, size - 1) == b"\n"
    rows = errors = unmatched = whole = 0
    last: int | None = None
    try:
        for record in reader:
            if lines.offset == size and not ends:
                break
            if whole:
                rows, errors = rows + 1, errors + bool(record[-1])
                unmatched += record[-2] == "false"
                last = int(record[0])
            whole = lines.mark()
    except (csv.Error, ValueError, IndexError):
        if lines.offset != size:  # not torn at the end, but no such file
            return Counts(rows + 1), whole, None
    finally:
        csv.field_size_limit(limit)
    return Counts(rows, errors, unmatched), whole, last
