"""The messages between client and server, as ext/engine/protocol.h defines them."""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Sequence

from . import _native
from .errors import CheckerAway
from .limits import MAX_PASSWORD_BYTES

VERSION = b"bcq1"
HEADER = struct.Struct(">4sBBH")
RECORD = struct.Struct(">HB60s")
HASH, STATS = 1, 2  # operations
EVEN_IF_FULL = 1
SETTING_CHARS = 29
ITEM_BYTES = SETTING_CHARS + 1 + MAX_PASSWORD_BYTES
MOST_ITEMS = 1024  # in a request

OK, BAD_REQUEST, OTHER_VERSION, TOO_MANY, NOT_ALLOWED = range(5)  # of a whole request
MADE, FULL, BAD_ITEM, COST, CLOSED, NO_MEMORY = range(6)  # of an item

# The outcome of an item whose cost is too high for the server.
COSTLY = "costly"

_VALUES = {FULL: _native.FULL, COST: COSTLY}

# The figures of _native.Queue.stats, in the order of a server's answer to STATS.
FIGURES = (
    "waiting", "in_flight", "recent", "recent_ns", "finished", "refused", "timed_out", "cancelled",
    "iterations", "lane_iterations", "wait_p50_ns", "wait_p95_ns", "wait_p99_ns",
)  # fmt: skip

Item = tuple[bytes, bytes]  # a password of at most 72 bytes, and a 29-byte setting


def stats_request() -> bytearray:
    return bytearray(HEADER.pack(VERSION, STATS, 0, 0))


def request(items: Sequence[Item], *, even_if_full: bool) -> bytearray:
    """Return a request for the hashes of 1 to MOST_ITEMS items; the caller must wipe it."""
    message = bytearray(HEADER.size + ITEM_BYTES * len(items))
    HEADER.pack_into(message, 0, VERSION, HASH, EVEN_IF_FULL if even_if_full else 0, len(items))
    place = HEADER.size
    for password, setting in items:
        message[place : place + SETTING_CHARS] = setting
        message[place + SETTING_CHARS] = len(password)
        begin = place + SETTING_CHARS + 1
        message[begin : begin + len(password)] = password  # same length: written in place
        place += ITEM_BYTES
    return message


def wipe(message: bytearray) -> None:
    message[:] = bytes(len(message))


class Reader(ABC):
    """Parses a server's answer, which arrives in pieces of any size.

    Attributes:
        complete: Whether the whole answer has arrived.
        busy: Whether the request must be sent again later.
    """

    record_bytes: int

    def __init__(self) -> None:
        self.complete = False
        self.busy = False
        self._part = bytearray()
        self._left: int | None = None  # records; None before the header

    def take(self, data: bytes) -> None:
        """Parse the next bytes.

        Raises:
            CheckerAway: The server refused the request as a whole.
        """
        self._part += data
        if self._left is None:
            if len(self._part) < HEADER.size:
                return
            self._left = self._begin(*HEADER.unpack_from(self._part))
            del self._part[: HEADER.size]
        while self._left and len(self._part) >= self.record_bytes:
            self._record(bytes(self._part[: self.record_bytes]))
            del self._part[: self.record_bytes]
            self._left -= 1
        self.complete = not self._left

    def _begin(self, version: bytes, reply: int, _max_cost: int, count: int) -> int:
        """Parse a header; return how many records follow."""
        if version != VERSION:
            raise _unknown(f"protocol {version!r}, not {VERSION!r}")
        if reply == NOT_ALLOWED:
            raise CheckerAway("the server takes no calls of this user")
        if reply not in (OK, TOO_MANY):
            raise _unknown(f"reply {reply}")
        if reply == TOO_MANY:
            self._refuse_all()
            return 0
        return count

    @abstractmethod
    def _refuse_all(self) -> None:
        """Note that the server has too many connections or items."""

    @abstractmethod
    def _record(self, record: bytes) -> None:
        """Parse one whole record."""


class Figures(Reader):
    """Reads statistics into `values`, by name."""

    record_bytes = 8

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, int] = {}

    def _refuse_all(self) -> None:
        self.values.clear()

    def _record(self, record: bytes) -> None:
        if len(self.values) < len(FIGURES):  # a later server may have more
            self.values[FIGURES[len(self.values)]] = int.from_bytes(record, "big")


class Request:
    """The items of one call, and their outcomes.

    Attributes:
        values: The outcome of each item: a hash, or why there is no hash; None if still unknown.
    """

    def __init__(self, items: list[Item], *, even_if_full: bool) -> None:
        self.items = items
        self.even_if_full = even_if_full
        self.values: list[bytes | str | None] = [None] * len(items)

    def left(self) -> list[int]:
        """Return the indices of the items that have no outcome yet."""
        return [place for place, value in enumerate(self.values) if value is None]

    def next(self) -> tuple[bytearray, Answers]:
        """Return a message for as many items left as fit, and the reader of its answer."""
        places = self.left()[:MOST_ITEMS]
        items = [self.items[place] for place in places]
        return request(items, even_if_full=self.even_if_full), Answers(self, places)


class Answers(Reader):
    """Reads the outcome of each item into the `values` of a request."""

    record_bytes = RECORD.size

    def __init__(self, request: Request, places: Sequence[int]) -> None:
        """`places` has the index in the request of each item of the message."""
        super().__init__()
        self._request = request
        self._places = places

    def _refuse_all(self) -> None:
        self.busy = self._request.even_if_full
        for place in self._places:
            self._request.values[place] = None if self.busy else _native.FULL

    def _record(self, record: bytes) -> None:
        number, code, hashed = RECORD.unpack(record)
        if number >= len(self._places):
            raise _unknown(f"a record of item {number}, of {len(self._places)}")
        place = self._places[number]
        _, setting = self._request.items[place]
        if code == NO_MEMORY:
            raise CheckerAway("the server has no memory for the call")
        if code == MADE and hashed.startswith(setting):
            self._request.values[place] = hashed
        elif code in _VALUES:
            self._request.values[place] = _VALUES[code]
        elif code != CLOSED:  # a server that ends counts as away, so the value stays None
            raise _unknown("a hash under another setting" if code == MADE else f"record {code}")


def _unknown(what: str) -> CheckerAway:
    return CheckerAway(
        f"the server speaks another version of the protocol: it sent {what}; give it and its "
        "clients the same version of bcrypt_batch, and restart it"
    )
