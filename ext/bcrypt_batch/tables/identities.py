"""Count the ids of a table that occur more than once, in memory of a known size."""

from __future__ import annotations

from array import array

from .tally import Tally

MAX_IDS = 10_000_000  # more ids are not compared; each takes 24 bytes
_BUCKETS = 256  # a hash's last bits choose one, so that only a small part is in sets at once


class Identities:
    """The ids of a table, as two hashes of 64 bits and the row's number.

    Among ten million ids, the chance that any two have the same hash is about 1 in 400,000.

    Attributes:
        compared: How many ids are compared, beginning with the first row.
    """

    def __init__(self, most: int = MAX_IDS) -> None:
        self._most = most
        self._buckets = [array("q") for _ in range(_BUCKETS)]
        self.compared = 0

    def add(self, number: int, name: str) -> None:
        """Add the id of a row."""
        if self.compared < self._most:
            folded = hash(name.strip().casefold())
            self._buckets[folded % _BUCKETS].extend((folded, hash(name), number))
            self.compared += 1

    def compare(self, found: Tally) -> None:
        """Count ids as `repeated` if an earlier row has the same id.

        Ids are `alike` if an earlier id differs only in case or in blanks at its ends.
        """
        for bucket in self._buckets:
            seen: set[int] = set()
            folds: set[int] = set()
            values = iter(bucket)
            for folded, exact, number in zip(values, values, values, strict=True):
                if exact in seen:
                    found.note("repeated", number)
                elif folded in folds:
                    found.note("alike", number)
                seen.add(exact)
                folds.add(folded)
