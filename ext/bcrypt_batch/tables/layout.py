"""The header of a CSV: where the columns are."""

from __future__ import annotations

import csv
from typing import NamedTuple

from .dialects import read_header
from .kinds import (
    DELIMITERS,
    InvalidTable,
    NoSuchColumn,
    delimiter_by_line,
    fields_of,
    likely_delimiter,
)
from .lines import Lines, TooLong
from .rows import Columns, Reading


class Layout(NamedTuple):
    """The header of a CSV: the positions of the columns, and how the rows after it are written.

    Attributes:
        fields: How many fields a row has.
        password: Position of the password column, from 0.
        id: Position of the id column; None if there is none.
        hash: Position of the hash column; None if it isn't read.
        keep: Positions of the kept columns.
        data: Offset of the first byte after the header.
        delimiter: The character between the fields.
        crlf: Whether the header's line ends in CR and LF.
        header: The names of all columns, by which repeated headers are found; empty if there is
            only one column.
    """

    fields: int
    password: int
    id: int | None
    hash: int | None
    keep: tuple[int, ...]
    data: int
    delimiter: str = ","
    crlf: bool = False
    header: tuple[str, ...] = ()

    def is_header(self, fields: list[str]) -> bool:
        """Return whether a row is the header again, as after `cat a.csv b.csv`."""
        first, *others = fields
        first = first.removeprefix("\ufeff")
        # Quotes after a byte-order mark are part of the field.
        return (first, *others) == self.header or (first.strip('"'), *others) == self.header


def find_columns(lines: Lines, reading: Reading) -> tuple[Layout, Columns]:
    """Read the header of a CSV; return the positions of the columns, and the existing columns.

    Raises:
        InvalidTable: The header is missing or malformed, or lacks a column.
    """
    delimiter, crlf = reading.delimiter, False
    assert delimiter
    first = lines.decoder()(next(lines.ahead(), b""))
    try:
        if reading.escapes:
            header, crlf = read_header(lines, reading)
        else:
            if named := delimiter_by_line(first):
                delimiter = named
                next(lines)
            records = csv.reader(lines, delimiter=delimiter, strict=True)
            header = next(filter(None, records), [])
    except (csv.Error, TooLong, UnicodeDecodeError):
        old = "\r" in first.removesuffix("\r\n") and "\n" not in first[:-1]
        raise InvalidTable(
            "the lines end in CR, as on old Macs: convert them first with tr '\\r' '\\n'"
            if old
            else "the first line isn't a CSV header; --format and --delimiter say how to read it"
        ) from None
    if not header:
        raise InvalidTable("the file is empty; a CSV needs a header that names columns")
    columns = reading.columns.among(header)
    return _layout(header, columns, lines.offset, delimiter, crlf), columns


def _layout(header: list[str], columns: Columns, data: int, delimiter: str, crlf: bool) -> Layout:
    def position(name: str, field: str) -> int:
        if header.count(name) != 1:
            raise _no_column(header, delimiter, name, field)
        return header.index(name)

    identity = columns.id_among(header)
    return Layout(
        fields=len(header),
        password=position(columns.password, "password_column"),
        id=None if identity is None else position(identity, "id_column"),
        hash=None if columns.hash is None else position(columns.hash, "hash_column"),
        keep=tuple(position(name, "keep") for name in columns.keep),
        data=data,
        delimiter=delimiter,
        crlf=crlf,
        header=tuple(header) if len(header) > 1 else (),
    )


def _no_column(header: list[str], delimiter: str, name: str, field: str) -> NoSuchColumn:
    """Return the error for a column that a header lacks or has twice, with the remedy.

    The message quotes no other name of the header: without a header the first line may have a
    password.
    """
    missing, text = name not in header, delimiter.join(header)
    alike = [other for other in header if _folded(other) == _folded(name)] if missing else []
    likely, columns = likely_delimiter(text, name) if missing else None, 0
    if missing and not likely and len(header) == 1:
        likely = max(DELIMITERS, key=lambda other: len(fields_of(text, other)))
        columns = len(fields_of(text, likely))
    shown = "tab" if likely == "\t" else likely
    option, more = f"--{field.replace('_', '-')}", ""
    remedy = f"{option} names another"
    if columns > 1:
        more = f"; with the delimiter {shown!r} it has {columns} columns"
        remedy = f"with --delimiter {shown!r} it has {columns} columns, and {option} chooses one"
    elif likely and not columns:
        more = f"; it has one with the delimiter {shown!r}"
        remedy = f"it has one with --delimiter {shown!r}"
    elif alike:
        remedy = f"{option} {alike[0]!r} names the one that differs in case or blanks only"
    elif field == "password_column":
        remedy = f"{option} names it; --format lines is for a file without a header"
    number = "no" if missing else "more than one"
    return NoSuchColumn(
        f"the header has {number} column {name!r}; {remedy}",
        f"the header has {number} column of the name in input.{field}{more}",
    )


def _folded(name: str) -> str:
    return name.strip().casefold()
