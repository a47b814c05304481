"""What a careful person would want to know of a table's passwords."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Any

from bcrypt_batch.schemes import bare_digest, looks_like_hash

from .rows import Row
from .tally import Tally

# How many rows are read before an output is made; of a pipe, whose rows may come slowly, only one.
AHEAD_ROWS, AHEAD_BYTES = 1000, 1 << 20
# Programs write these for a missing value.
NULL_WORDS = frozenset({b"\\N", b"NULL", b"null", b"None"})

_ABOUT = {  # of each note: what is counted, with one and several; what to do
    "nulls": (
        "password is \\N, NULL, null or None", "passwords are \\N, NULL, null or None",
        "--null TEXT makes such ones missing",
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
        "who signs in with the password behind it would be refused; --wrap is for digests",
    ),
}  # fmt: skip


class Notes:
    """Counts of passwords that may not be what they seem.

    Attributes:
        found: For each note how many passwords it is about, and the number of the first row.
    """

    def __init__(self, found: dict[str, Any] | None = None, expected: tuple[str, ...] = ()) -> None:
        """Take earlier notes; `expected` names those that aren't taken."""
        self._expected = expected
        self.found = Tally(found or {})

    def taking(self, rows: Iterator[Row]) -> Iterator[Row]:
        """Yield all rows of a table, and take notes."""
        for number, row in enumerate(rows):
            if row.password:
                self.look(number, row.password)
            yield row

    def look(self, number: int, password: bytes) -> None:
        """Take notes of a row's password, which isn't empty."""
        if password in NULL_WORDS:
            self._note("nulls", number)
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
    """Read some rows, so that a table they show to be wrong is refused before anything is made."""
    first: list[Row] = []
    for row in islice(rows, most):
        first.append(row)
        if row.start - first[0].start > AHEAD_BYTES:
            break
    check(first)
    return chain(first, rows)
