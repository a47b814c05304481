"""Tables as Markdown and as plain text."""

from __future__ import annotations

import textwrap
from typing import Any, NamedTuple

LINE = 100


class Table(NamedTuple):
    """A title, column headings, rows of as many cells, and what to know about them."""

    title: str
    headings: list[str]
    rows: list[list[Any]]
    note: str = ""

    def markdown(self) -> str:
        lines = [f"## {self.title}", ""]
        lines += [f"{self.note}", ""] if self.note else []
        lines.append("| " + " | ".join(self.headings) + " |")
        lines.append("|" + " --- |" * len(self.headings))
        lines += ["| " + " | ".join(map(_shown, row)) + " |" for row in self.rows]
        return "\n".join(lines) + "\n"

    def plain(self) -> str:
        cells = [self.headings, *([_shown(cell) for cell in row] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        numeric = [_is_numeric(column) for column in zip(*cells[1:], strict=True)]
        lines = [self.title, *textwrap.wrap(self.note, LINE)]
        for row in cells:
            padded = (
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(row, widths, numeric, strict=True)
            )
            lines.append("  ".join(padded).rstrip())
        return "\n".join(lines) + "\n"


def _shown(cell: Any) -> str:
    """Show figures to three digits or more, nothing as a dash."""
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:#.3g}" if abs(cell) < 1 else f"{cell:.{2 if abs(cell) < 100 else 1}f}"
    return str(cell)


def _is_numeric(column: tuple[str, ...]) -> bool:
    return all(cell[:1].isdigit() or cell[:1] == "-" for cell in column)
