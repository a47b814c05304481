"""Open a table that is a file, or comes through a pipe."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from .inputs import open_input
from .interrupts import Interrupts
from .kinds import SUFFIXES, InvalidTable, delimiter_by_name, format_by_name
from .parquet import parquet_rows
from .rows import Columns, Row, read_layout, read_rows


class Source(NamedTuple):
    """Where a table comes from, and how it is to be read.

    Attributes:
        path: The file, or `-` for standard input.
        form: `csv`, `jsonl`, `lines` or `parquet`.
        columns: The columns to read.
        delimiter: What stands between a CSV's fields.
    """

    path: str
    form: str
    columns: Columns
    delimiter: str = ","


class Table(NamedTuple):
    """A table that is being read.

    Attributes:
        rows: Its rows.
        size: Its size in bytes; None where it is no plain file.
    """

    rows: Iterator[Row]
    size: int | None


def source(path: str, form: str | None, columns: Columns, delimiter: str | None) -> Source:
    """Return how a file is to be read; what isn't said its name tells.

    Raises:
        InvalidTable: It doesn't tell, or the format has no such columns.
    """
    if form is None:
        if path == "-":
            raise InvalidTable("standard input has no name to tell the format by; give --format")
        form = format_by_name(path)
    if form is None:
        raise InvalidTable(
            f"can't tell the format by the name {path!r}; give --format csv, jsonl, lines or "
            f"parquet (known endings: {', '.join(SUFFIXES)})"
        )
    columns.check(form)
    columns = columns._replace(keep=tuple(dict.fromkeys(columns.keep)))
    return Source(path, form, columns, delimiter or delimiter_by_name(path))


@contextmanager
def open_table(source: Source, interrupts: Interrupts) -> Iterator[Table]:
    """Open a table for reading; `interrupts` may end a wait for it.

    Raises:
        InvalidTable: It can't be read as it is asked to.
        OSError: It can't be opened.
    """
    if source.form == "parquet":
        if source.path == "-" or not stat.S_ISREG(os.stat(source.path).st_mode):
            raise InvalidTable("Parquet can only be read from a plain file")
        yield Table(parquet_rows(source.path, source.columns), os.stat(source.path).st_size)
        return
    with open_input(source.path, interrupts) as file:
        about = os.fstat(file.fileno())
        size = about.st_size if source.path != "-" and stat.S_ISREG(about.st_mode) else None
        lines, layout = read_layout(file, source.form, source.columns, source.delimiter)
        rows = read_rows(lines, source.form, source.columns, layout, source.delimiter)
        yield Table(rows, size)
