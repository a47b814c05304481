"""Counts, each with the number of the first row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Tally(dict[Any, list[int]]):
    """For each name, how many rows were noted and the number of the first one."""

    def note(self, name: Any, number: int, count: int = 1) -> None:
        """Count rows under a name; `number` is the first of them. Rows may come in any order."""
        counted = self.setdefault(name, [0, number])
        counted[0] += count
        if number < counted[1]:
            counted[1] = number

    def by(self, name_of: Callable[[Any], Any]) -> Tally:
        """Return the counts under the names that a function returns for these names."""
        merged = Tally()
        for name, (count, first) in self.items():
            merged.note(name_of(name), first, count)
        return merged

    def as_json(self) -> dict[str, Any]:
        """Return the counts by name, the largest first."""
        largest = sorted(self.items(), key=lambda item: -item[1][0])
        return {name: {"rows": count, "first": first} for name, (count, first) in largest}
