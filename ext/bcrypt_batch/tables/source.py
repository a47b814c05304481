"""A file's lines, counted in bytes, some of which may be given back."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO

from .kinds import HEAD_BYTES

# What one record, or one line, may hold. It bounds the memory that a file without line ends takes,
# or one with a quote that stays open.
MAX_RECORD_BYTES = 1 << 20

_ODD_QUOTES = re.compile(rb'(?<!")"(?:"")*(?!")')  # an even number are quotes inside a field


class TooLong(Exception):
    """A line or record of more than MAX_RECORD_BYTES; the line that was too much is given back."""


class Unclosed(Exception):
    """A quote is open where one was already that came to nothing."""


class Lines:
    r"""An iterator of a binary file's lines as text, for csv.reader. Lines end with \n.

    Attributes:
        head: The file's first bytes, still to be read.
        offset: How many bytes of the file were handed over.
        taken: The lines that were handed over since the last `mark`.
    """

    def __init__(self, file: BinaryIO, offset: int = 0, limit: int = MAX_RECORD_BYTES) -> None:
        self._file = file
        self._base = file.tell() - offset if file.seekable() else None
        self._limit = limit
        self._marked = offset
        self.offset = offset
        self.taken: list[bytes] = []
        self._given_back: deque[bytes] = deque()
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
        self.taken.clear()
        self._marked = self.offset
        return self.offset

    def rewind_to_second(self) -> None:
        """Give back what was handed over since the mark, except the first line."""
        rest = self.taken[1:]
        self._given_back.extendleft(reversed(rest))
        self.offset -= sum(map(len, rest))
        del self.taken[1:]

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        if self._given_back:
            # They were read in an open quote, and what was wrong then is so again. Without this
            # many lines that each leave a quote open take quadratic time.
            if self.taken:
                raise Unclosed
            line = self._given_back.popleft()
        else:
            line = self._readline(self._limit + 1)
            if not line:
                raise StopIteration
        if self.offset + len(line) - self._marked > self._limit:
            self._given_back.appendleft(line)
            raise TooLong
        self.taken.append(line)
        self.offset += len(line)
        return line.decode("utf-8", "surrogateescape")

    def pieces(self) -> Iterator[bytes]:
        """Hand over the next line, of whatever size, in pieces."""
        piece = b" "
        while piece and not piece.endswith(b"\n"):
            given = self._given_back
            piece = given.popleft() if given else self._readline(self._limit)
            self.offset += len(piece)
            yield piece

    def may_close(self, delimiter: str) -> bool:
        """Say whether a quote that is open here may be closed by the next one, however far.

        What comes through a pipe can't be looked at twice: there it may.
        """
        if self._base is None:
            return True
        ends = (delimiter.encode(), b"\r", b"\n")
        position = self._file.tell()
        self._file.seek(self._base + self.offset)
        try:
            while line := self._file.readline(self._limit):
                if b'"' in line and (found := _ODD_QUOTES.search(line)):
                    return line.startswith(ends, found.end()) or found.end() == len(line)
            return False
        finally:
            self._file.seek(position)

    def _readline(self, limit: int) -> bytes:
        if not self._start:
            return self._file.readline(limit)
        line, end, rest = self._start.partition(b"\n")
        self._start = rest
        return line + end if end else line + self._file.readline(limit - len(line))
