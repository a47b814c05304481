"""Notes on passwords of a table that may be mistakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Any

from bcrypt_batch.schemes import bare_digest, looks_like_hash

from .rows import Row
from .tally import Tally

# How many rows are read before an output is made; only one row of a pipe, which may be slow.
AHEAD_ROWS, AHEAD_BYTES = 1000, 1 << 20
# Programs write these for a missing value.
NULL_WORDS = frozenset({b"\\N", b"NULL", b"null", b"None"})

_ABOUT = {  # for each note: the text for one password, the text for several, and what to do
    "nulls": (
        "password is \\N, NULL, null or None", "passwords are \\N, NULL, null or None",
        "--null TEXT treats them as missing",
    ),
    "backslashes": (
        "password has two backslashes in a row", "passwords have two backslashes in a row",
        "with ENCLOSED BY, MySQL writes one so: leave it out, for --dialect mysql",
    ),
    "no_utf8": (
        "password is not UTF-8", "passwords are not UTF-8", "--encoding names the table's encoding",
    ),
    "hashes": (
        "password looks like a hash", "passwords look like hashes",
        "verify checks passwords against hashes",
    ),
    "digests": (
        "password looks like a hexadecimal digest", "passwords look like hexadecimal digests",
        "logins with the original passwords would fail; --wrap is for digests",
    ),
}  # fmt: skip


class Notes:
    """Counts of passwords that may not be what they seem.

    Attributes:
        found: For each note, the number of such passwords, and the number of the first row.
    """

    def __init__(self, found: dict[str, Any] | None = None, expected: tuple[str, ...] = ()) -> None:
        """Begin with earlier notes; notes named in `expected` are left out."""
        self._expected = expected
        self.found = Tally(found or {})

    def taking(self, rows: Iterator[Row]) -> Iterator[Row]:
        """Yield all rows of a table, and take notes."""
        for number, row in enumerate(rows):
            if row.password:
                self.look(number, row.password)
            yield row

    def look(self, number: int, password: bytes) -> None:
        """Note properties of a row's password, which must not be empty."""
        if password in NULL_WORDS:
            self._note("nulls", number)
        if b"\\\\" in password:
            self._note("backslashes", number)
        if not password.isascii():
            try:
                password.decode()
            except UnicodeDecodeError:
                self._note("no_utf8", number)
        elif looks_like_hash(password):
            self._note("hashes", number)
        elif bare_digest(password):
            self._note("digests", number)

    def _note(self, name: str, number: int) -> None:
        if name not in self._expected:
            self.found.note(name, number)

    def lines(self) -> list[str]:
        """Return a line for each note; it quotes no password."""
        lines = []
        for name, (one, several, remedy) in _ABOUT.items():
            if name in self.found:
                count, first = self.found[name]
                where = f"in row {first}" if count == 1 else f"the first in row {first}"
                lines.append(f"{count:,} {one if count == 1 else several}, {where}: {remedy}")
        return lines


def looked_ahead(
    rows: Iterator[Row], check: Callable[[list[Row]], None], most: int = AHEAD_ROWS
) -> Iterator[Row]:
    """Check the first rows before any file is made; return all rows."""
    first: list[Row] = []
    for row in islice(rows, most):
        first.append(row)
        if row.start - first[0].start > AHEAD_BYTES:
            break
    check(first)
    return chain(first, rows)
