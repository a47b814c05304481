"""Open a table from a file or a pipe."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from .inputs import open_input
from .interrupts import Interrupts
from .kinds import InvalidTable, delimiter_by_name, format_by_content, format_by_name
from .layout import find_columns
from .lines import Lines
from .parquet import parquet_rows
from .reading import begin, read_rows
from .rows import Columns, Row


class Source(NamedTuple):
    """Where a table comes from, and how to read it.

    Attributes:
        path: The file, or `-` for standard input.
        form: `csv`, `jsonl`, `lines` or `parquet`; None to detect it from the first line.
        columns: The columns to read.
        delimiter: The character between a CSV's fields; None to detect it from the first line.
    """

    path: str
    form: str | None
    columns: Columns
    delimiter: str | None = ","

    @property
    def name(self) -> str:
        """What messages call the file."""
        return "standard input" if self.path == "-" else self.path

    def detected(self) -> str:
        """Return a message with the format that was detected in the first line."""
        delimiter = "tab" if self.delimiter == "\t" else self.delimiter
        told = f"csv with the delimiter {delimiter!r}" if self.form == "csv" else self.form
        return f"{self.name} looks like {told}; --format says otherwise"


class Table(NamedTuple):
    """A table that is being read.

    Attributes:
        rows: Its rows.
        size: Its size in bytes; None unless it is a plain file.
        source: How it is read, with its format and delimiter.
    """

    rows: Iterator[Row]
    size: int | None
    source: Source


def source(path: str, form: str | None, columns: Columns, delimiter: str | None) -> Source:
    """Return how to read a file, by the options and its name.

    Raises:
        InvalidTable: The format has no such columns.
    """
    form = form or format_by_name(path)
    columns.check(form)
    columns = columns._replace(keep=tuple(dict.fromkeys(columns.keep)))
    return Source(path, form, columns, delimiter or (delimiter_by_name(path) if form else None))


def _detected(source: Source, lines: Lines) -> Source:
    """Return a source with the format and delimiter that its first line shows."""
    first = next(lines.ahead(), b"").decode("utf-8", "surrogateescape")
    found = format_by_content(first, source.columns.password, source.delimiter)
    if found is None:
        raise InvalidTable(
            f"can't tell the format of {source.name} by its name or its first line; give --format "
            "csv, jsonl, lines or parquet"
        )
    form, delimiter = found
    return source._replace(form=form, delimiter=delimiter)


@contextmanager
def open_table(source: Source, interrupts: Interrupts) -> Iterator[Table]:
    """Open a table for reading; `interrupts` may end a wait for it.

    Raises:
        InvalidTable: The table can't be read as specified.
        OSError: The file can't be opened.
    """
    if source.path != "-" and os.path.isdir(source.path):
        raise InvalidTable(f"{source.path} is a folder, and a table is a file")
    if source.form == "parquet":
        if source.path == "-" or not stat.S_ISREG(os.stat(source.path).st_mode):
            raise InvalidTable("Parquet can only be read from a plain file")
        size = os.stat(source.path).st_size
        yield Table(parquet_rows(source.path, source.columns), size, source)
        return
    with open_input(source.path, interrupts) as file:
        about = os.fstat(file.fileno())
        plain = source.path != "-" and stat.S_ISREG(about.st_mode)
        lines = begin(file)
        if source.form is None:
            source = _detected(source, lines)
        _, form, columns, delimiter = source
        assert form
        assert delimiter
        layout = find_columns(lines, columns, delimiter) if form == "csv" else None
        rows = read_rows(lines, form, columns, layout, delimiter)
        yield Table(rows, about.st_size if plain else None, source)
