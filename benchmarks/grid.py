"""Grids of figures as Markdown and as plain text."""

from __future__ import annotations

import textwrap
from typing import Any, NamedTuple

from tabulate import tabulate

LINE = 100


class Grid(NamedTuple):
    """A title, column headings, rows of as many cells, and a note on them."""

    title: str
    headings: list[str]
    rows: list[list[Any]]
    note: str = ""

    def markdown(self) -> str:
        return "\n\n".join(filter(None, (f"## {self.title}", self.note, self._drawn("pipe"))))

    def plain(self) -> str:
        return "\n".join([self.title, *textwrap.wrap(self.note, LINE), self._drawn("plain")])

    def _drawn(self, form: str) -> str:
        cells = [[_shown(cell) for cell in row] for row in self.rows]
        columns = zip(*cells, strict=True)
        sides = ["right" if all(map(_is_numeric, column)) else "left" for column in columns]
        drawn = tabulate(
            cells, self.headings, tablefmt=form, colalign=sides or None, disable_numparse=True
        )
        return drawn + "\n"


def _shown(cell: Any) -> str:
    """Show figures to three digits or more, None as a dash."""
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:#.3g}" if abs(cell) < 1 else f"{cell:.{2 if abs(cell) < 100 else 1}f}"
    return str(cell)


def _is_numeric(cell: str) -> bool:
    return cell[:1].isdigit() or cell[:1] == "-"
