"""Open a table from a file or a pipe."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from .compute import Job
from .inputs import open_input
from .interrupts import Interrupts
from .kinds import InvalidTable, format_by_content
from .lines import Lines
from .notes import AHEAD_ROWS, Notes, looked_ahead
from .parquet import read_parquet
from .reading import begin, find_layout, read_rows
from .rows import Reading, Row


class Source(NamedTuple):
    """Where a table comes from, and how to read it.

    Attributes:
        path: The file, or `-` for standard input.
    """

    path: str
    reading: Reading

    @property
    def name(self) -> str:
        """The name of the file in messages."""
        return "standard input" if self.path == "-" else self.path

    def detected(self, asked: Source) -> list[str]:
        """Return messages about the format, delimiter and dialect that no option gave."""
        form, _, delimiter, *_ = self.reading
        shown = "tab" if delimiter == "\t" else delimiter
        found = f"csv with the delimiter {shown!r}" if form == "csv" else form
        said = []
        if asked.reading.form != form:
            said.append(f"{self.name} looks like {found}; --format says otherwise")
        elif form == "csv" and delimiter != asked.reading.delimiter:
            said.append(
                f"{self.name} is read with the delimiter {shown!r}, which its first line names"
            )
        if form == "csv" and self.reading.doubtful:
            said.append(
                f"{self.name} is read as CSV, whose fields can be in quotes; --dialect postgres or "
                "mysql is for files of these databases"
            )
        return said


class Table(NamedTuple):
    """A table that is being read.

    Attributes:
        rows: Its rows.
        size: Its size in bytes; None unless it is a plain file.
        source: How the table is read, with the detected format and delimiter.
        notes: Notes on the rows that were read.
    """

    rows: Iterator[Row]
    size: int | None
    source: Source
    notes: Notes


def source(path: str, asked: Reading) -> Source:
    """Return how to read a file, by the options and its name.

    Raises:
        InvalidTable: The format has no such columns, or no such dialect.
    """
    return Source(path, asked.completed(path))


def _detected(source: Source, lines: Lines) -> Source:
    """Return a source with the format and delimiter that its first line shows."""
    reading = source.reading
    first = lines.decoder()(next(lines.ahead(), b""))
    columns = reading.columns
    names = columns.secret if columns.optional else (columns.password,)
    shown = (format_by_content(first, name, reading.delimiter) for name in names)
    found = next(filter(None, shown), None)
    if found is None:
        raise InvalidTable(
            f"can't tell the format of {source.name} by its name or its first line; give --format "
            "csv, jsonl, json or parquet, or --format lines for a password a line"
        )
    form, delimiter = found
    return source._replace(reading=reading._replace(form=form, delimiter=delimiter))


@contextmanager
def open_table(source: Source, interrupts: Interrupts, job: Job) -> Iterator[Table]:
    """Open a table for a job, which may refuse the first rows; `interrupts` may end a wait for it.

    Raises:
        InvalidTable: The table can't be read as specified.
        OSError: The file can't be opened.
    """
    if source.path != "-" and os.path.isdir(source.path):
        raise InvalidTable(f"{source.path} is a folder, and a table is a file")
    if source.reading.form == "parquet":
        if source.path == "-" or not stat.S_ISREG(os.stat(source.path).st_mode):
            raise InvalidTable("Parquet can only be read from a plain file")
        size = os.stat(source.path).st_size
        columns, found = read_parquet(source.path, source.reading)
        source = source._replace(reading=source.reading._replace(columns=columns))
        yield _noted(looked_ahead(found, job.check), size, source, job)
        return
    with open_input(source.path, interrupts) as file:
        about = os.fstat(file.fileno())
        plain = source.path != "-" and stat.S_ISREG(about.st_mode)
        lines = begin(file, source.reading.encoding)
        if source.reading.form is None:
            source = _detected(source, lines)
        reading, layout = find_layout(lines, source.reading)
        source = source._replace(reading=reading)
        rows = looked_ahead(
            read_rows(lines, reading, layout), job.check, AHEAD_ROWS if plain else 1
        )
        yield _noted(rows, about.st_size if plain else None, source, job)


def _noted(rows: Iterator[Row], size: int | None, source: Source, job: Job) -> Table:
    notes = Notes(expected=(*job.expected, *source.reading.expected))
    return Table(notes.taking(rows), size, source, notes)
