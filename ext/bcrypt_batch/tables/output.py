"""The file of results: made for its owner alone, written in whole lines, and taken up again.

Taking up needs no journal. The lines are in the order of the rows, one for each: what was torn is
dropped, the rest counted, and as many rows skipped. A small file beside the output says which
input and which options it was made of, so that it isn't continued with others.
"""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import select
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from .lines import Counts, count_line
from .source import Lines

MODE = 0o600
STDIN, STDOUT = 0, 1
STATE_VERSION = 1
UNLIMITED = 1 << 62


NONE = Counts()


class OutputRefused(Exception):
    """The output can't be written as asked for; the message says what can be done."""


class WriteFailed(OSError):
    """The output took no more: a full disk, for instance."""


class Output:
    """Where result lines go.

    Attributes:
        counts: What the lines that are there already say.
        empty: Whether nothing is there, not even a header.
        resumable: Whether another run can take it up.
    """

    def __init__(
        self, descriptor: int, counts: Counts = NONE, *, empty: bool = True, resumable: bool = False
    ) -> None:
        self._descriptor = descriptor
        self.counts = counts
        self.empty = empty
        self.resumable = resumable

    def write(self, data: bytes) -> None:
        """Hand lines over to the system; a killed process has lost nothing of them."""
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
            raise WriteFailed(*error.args) from None

    def close(self) -> None:
        if self._descriptor != STDOUT:
            os.close(self._descriptor)


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
    state = "the input has the name of the output's state file"
    for taken, refused in (
        (STDOUT if path == "-" else path, "--output is the input itself"),
        (f"{path}.state", state),
        (f"{path}.state.new", state),
    ):
        with suppress(OSError):  # there is none yet
            if os.path.samestat(given, os.stat(taken)):
                raise OutputRefused(refused)


def state_path(path: str) -> Path:
    return Path(path + ".state")


def input_state(name: str) -> dict[str, int] | None:
    """Return what tells one input from another without reading it; None where nothing does."""
    if name == "-" or not stat.S_ISREG((about := os.stat(name)).st_mode):
        return None
    return {"size": about.st_size, "mtime_ns": about.st_mtime_ns}


def open_output(
    path: str, state: dict[str, Any], *, form: str, resume: bool, force: bool
) -> Output:
    """Open a file for results.

    Args:
        path: The file, or `-` for standard output.
        state: What the results depend on; must be the same when the file is taken up again.
            Without an `input` it can't be.
        form: `jsonl` or `csv`.
        resume: Go on after the lines that are there.
        force: Begin anew, whatever is there.

    Raises:
        OutputRefused: There is such a file, and neither is asked for; or it was made from another
            input or with other options; or another process is writing it.
        OSError: It can't be opened.
    """
    if path == "-":
        _standard_output()
        return Output(STDOUT)
    if not _is_plain_or_new(path):
        return Output(os.open(path, os.O_WRONLY))
    resumable = state.get("input") is not None
    flags = os.O_RDWR | os.O_CREAT | (0 if resume or force else os.O_EXCL)
    try:
        descriptor = os.open(path, flags, MODE)
    except FileExistsError:
        goes_on = "--resume goes on with it, " if resumable else ""
        raise OutputRefused(f"{path} exists; {goes_on}--force begins anew") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputRefused(f"another process is writing {path}") from None
        _make_its_owners(descriptor, path)
        counts = NONE
        if resume and os.fstat(descriptor).st_size:
            _check_state(path, state)
            counts = _take_up(descriptor, path, form)
        else:
            os.ftruncate(descriptor, 0)
            _write_state(path, state)
    except BaseException:
        os.close(descriptor)
        raise
    empty = not os.fstat(descriptor).st_size
    return Output(descriptor, counts, empty=empty, resumable=resumable)


@contextmanager
def create(path: str, force: bool) -> Iterator[BinaryIO]:
    """Make a file for its owner alone, to be written at one go.

    It takes its name when the block ends well; otherwise what has the name stays as it was. What is
    no plain file is written as it is, and so is standard output, which `-` means.

    Raises:
        OutputRefused: There is one, and `force` doesn't say to replace it.
        OSError: It can't be made.
    """
    if path == "-":
        out = _standard_output()
        yield out
        out.flush()
        return
    if not _is_plain_or_new(path):
        with open(os.open(path, os.O_WRONLY), "wb") as file:
            yield file
        return
    target = os.path.realpath(path)
    exists = f"{path} exists; --force replaces it"
    if os.path.exists(target) and not force:
        raise OutputRefused(exists)
    folder = os.path.dirname(target)
    try:
        descriptor, new = tempfile.mkstemp(prefix=".bcrypt-batch-", dir=folder)  # of mode 600
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
    try:
        with open(descriptor, "wb") as file:
            yield file
        _sync(new)
        if force or not _link(new, target):
            if os.path.exists(target) and not force:
                raise OutputRefused(exists)
            os.replace(new, target)
    finally:
        Path(new).unlink(missing_ok=True)
    with suppress(OSError):  # some folders can't be read; the file is whole all the same
        _sync(folder)


def _link(new: str, target: str) -> bool:
    """Give a file another name, and unlike a rename replace nothing; whether that could be done."""
    try:
        os.link(new, target)
    except OSError:  # there is one by now, or the file system has no hard links
        return False
    return True


def _make_its_owners(descriptor: int, path: str) -> None:
    """Let nobody else read a file that may have been there, with another mode."""
    if stat.S_IMODE(os.fstat(descriptor).st_mode) != MODE:
        try:
            os.fchmod(descriptor, MODE)
        except PermissionError:
            raise OutputRefused(
                f"{path} can be read by others, and only its owner can change that"
            ) from None


def _sync(path: str) -> None:
    """Have a file, or the names in a folder, on disk: what it was made of may be deleted next."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _standard_output() -> BinaryIO:
    if sys.stdout is None:
        raise OutputRefused("standard output is closed")
    return sys.stdout.buffer


def _is_plain_or_new(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return True


def _write_state(path: str, state: dict[str, Any]) -> None:
    """Write the state in one step."""
    target = state_path(path)
    new = target.with_name(target.name + ".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump({"version": STATE_VERSION, **state}, file)
        file.write("\n")
    new.replace(target)


def _check_state(path: str, state: dict[str, Any]) -> None:
    file = state_path(path)
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
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


def _take_up(descriptor: int, path: str, form: str) -> Counts:
    """Drop what was torn, count the rest, and stand at the end."""
    with open(os.dup(descriptor), "rb") as file:
        counts, whole, last = _scan_csv(file) if form == "csv" else _scan_json(file)
    if counts.rows and last != counts.rows - 1:
        raise OutputRefused(
            f"{path} doesn't have one line for each row from 0 on; --force begins anew"
        )
    os.ftruncate(descriptor, whole)
    os.lseek(descriptor, whole, os.SEEK_SET)
    return counts


def _scan_json(file: io.BufferedReader) -> tuple[Counts, int, int | None]:
    """Return counts, the size of the whole lines, and the number of the last row."""
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
    """Return the same of CSV, where a record may have line ends in it."""
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
