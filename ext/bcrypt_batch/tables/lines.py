"""A file's lines, with byte offsets; a reader may give lines back."""

from __future__ import annotations

import io
from codecs import getincrementaldecoder
from collections import deque
from collections.abc import Callable, Iterator
from typing import BinaryIO

from .kinds import HEAD_BYTES
from .rows import TOO_LONG, WRONG_ENCODING

# The limit of a record or line. It bounds the memory for a file without line ends, or with a quote
# that is never closed.
MAX_RECORD_BYTES = 1 << 20

_BACKSLASH = ord("\\")


class TooLong(Exception):
    """A line or record exceeds MAX_RECORD_BYTES; the line that exceeds it is given back."""


class Lines:
    r"""An iterator of a binary file's lines as text, for csv.reader. Lines end with \n.

    A line that isn't in the encoding raises UnicodeDecodeError when it is handed over.

    Attributes:
        head: The file's first bytes, which the lines contain too.
        offset: How many bytes of the file were handed over.
        limit: The most bytes that a record or line may have.
        escaped: Whether there was a quote after a backslash since the last `mark`.
    """

    def __init__(
        self,
        file: BinaryIO,
        offset: int = 0,
        limit: int = MAX_RECORD_BYTES,
        encoding: str | None = None,
    ) -> None:
        self._file = file
        self._encoding = encoding or "utf-8"
        self._errors = "strict" if encoding else "surrogateescape"
        self.limit = limit
        self._marked = offset
        self.offset = offset
        self.escaped = False
        self._taken: list[bytes] = []
        self.head = b""
        while len(self.head) < HEAD_BYTES:  # a pipe may give few bytes at once
            more = file.read(HEAD_BYTES - len(self.head))
            if not more:
                break
            self.head += more
        self._given_back = deque(io.BytesIO(self.head))
        if self.head and not self.head.endswith(b"\n"):
            self._given_back[-1] += file.readline(limit + 1)

    def skip(self, size: int) -> None:
        """Skip some of the bytes of `head`, or of lines that `ahead` has yielded."""
        self.offset += size
        while size and self._given_back:
            line = self._given_back.popleft()
            if size < len(line):
                self._given_back.appendleft(line[size:])
            size -= min(size, len(line))

    def mark(self) -> int:
        """Mark the start of a row; return its offset."""
        self._taken.clear()
        self.escaped = False
        self._marked = self.offset
        return self.offset

    @property
    def taken(self) -> int:
        """How many lines were handed over since the last `mark` or `rewind`."""
        return len(self._taken)

    def rewind(self) -> None:
        """Give back the lines that were handed over since the mark."""
        self._given_back.extendleft(reversed(self._taken))
        self._taken.clear()
        self.offset = self._marked

    def ahead(self) -> Iterator[bytes]:
        """Yield the lines that follow, without handing them over."""
        yield from self._given_back
        while line := self._file.readline(self.limit + 1):
            self._given_back.append(line)
            yield line

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        if self._given_back:
            line = self._given_back.popleft()
        else:
            line = self._file.readline(self.limit + 1)
            if not line:
                raise StopIteration
        if self.offset + len(line) - self._marked > self.limit:
            self._given_back.appendleft(line)
            raise TooLong
        self._taken.append(line)
        self.offset += len(line)
        if _BACKSLASH in line and b'\\"' in line:  # the first test takes an eighth of the time
            self.escaped = True
        return self.text_of(line)

    def text_of(self, data: bytes) -> str:
        """Return the text of some bytes; may raise UnicodeDecodeError if an encoding was given."""
        return data.decode(self._encoding, self._errors)

    def decoder(self) -> Callable[[bytes], str]:
        """Return a decoder of the pieces of a line, which never fails."""
        return getincrementaldecoder(self._encoding)("surrogateescape").decode

    def size_of(self, text: str) -> int:
        """Return how many bytes of the file the decoder has turned into this text."""
        return len(text) if text.isascii() else len(text.encode(self._encoding, "surrogateescape"))

    def take(self, size: int) -> bytes:
        """Hand over some bytes, regardless of line ends; no bytes at the file's end."""
        if self._given_back:
            data = self._given_back.popleft()
        else:
            data = getattr(self._file, "read1", self._file.read)(size)
        self.offset += len(data)
        return data

    def whole(self) -> Iterator[tuple[int, str, str | None]]:
        """Yield each line with its offset, and an error if it can't be read."""
        while True:
            start = self.mark()
            try:
                yield start, next(self), None
            except StopIteration:
                return
            except UnicodeDecodeError:
                yield start, "", WRONG_ENCODING
            except TooLong:
                deque(self.pieces(), maxlen=0)
                yield start, "", TOO_LONG

    def pieces(self) -> Iterator[bytes]:
        """Hand over the next line, of whatever size, in pieces."""
        piece = b" "
        while piece and not piece.endswith(b"\n"):
            given = self._given_back
            piece = given.popleft() if given else self._file.readline(self.limit)
            self.offset += len(piece)
            yield piece
