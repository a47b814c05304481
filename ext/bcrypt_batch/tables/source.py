"""A file's lines, counted in bytes, some of which may be given back."""

from __future__ import annotations

from collections import deque
from typing import BinaryIO

from .kinds import HEAD_BYTES

# What one line may hold: eight fields at the CSV reader's limit. It bounds the memory that a file
# without line ends takes.
MAX_LINE_BYTES = 1 << 20


class LineTooLong(Exception):
    """A line of more than MAX_LINE_BYTES; it was skipped."""


class Lines:
    r"""An iterator of a binary file's lines as text, for csv.reader. Lines end with \n.

    Attributes:
        head: The file's first bytes, still to be read.
        offset: How many bytes of the file were handed over.
        first_was_too_long: Whether the line after the last `mark` was.
    """

    def __init__(self, file: BinaryIO, offset: int = 0) -> None:
        self._file = file
        self.offset = offset
        self.first_was_too_long = False
        # Lines and their sizes in bytes; None in the place of one that was too long.
        self._taken: list[tuple[bytes | None, int]] = []
        self._given_back: deque[tuple[bytes | None, int]] = deque()
        self._start = self._read(HEAD_BYTES)
        self.head = self._start

    def _read(self, size: int) -> bytes:
        """Read the file's first bytes, however few a pipe gives at once."""
        got = b""
        while len(got) < size and (more := self._file.read(size - len(got))):
            got += more
        return got

    def skip(self, size: int) -> None:
        """Leave out some of the bytes of `head`."""
        self._start = self._start[size:]
        self.offset += size

    def mark(self) -> int:
        """Say that a row begins here; return its offset."""
        self._taken.clear()
        return self.offset

    def rewind_to_second(self) -> None:
        """Give back what was handed over since the mark, except the first line."""
        first, *rest = self._taken
        self.first_was_too_long = first[0] is None
        self._given_back.extendleft(reversed(rest))
        self.offset -= sum(size for _, size in rest)
        del self._taken[1:]

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        line, size = taken = self._given_back.popleft() if self._given_back else self._next()
        if not size:
            raise StopIteration
        self._taken.append(taken)
        self.offset += size
        if line is None:
            raise LineTooLong
        return line.decode("utf-8", "surrogateescape")

    def _next(self) -> tuple[bytes | None, int]:
        line = self._readline(MAX_LINE_BYTES)
        size = len(line)
        if size < MAX_LINE_BYTES or line.endswith(b"\n"):
            return line, size
        while line and not line.endswith(b"\n"):
            line = self._readline(MAX_LINE_BYTES)
            size += len(line)
        return None, size

    def _readline(self, limit: int) -> bytes:
        if not self._start:
            return self._file.readline(limit)
        line, end, rest = self._start.partition(b"\n")
        self._start = rest
        return line + end if end else line + self._file.readline(limit - len(line))
