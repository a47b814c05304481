"""The header of a CSV: where the columns are."""

from __future__ import annotations

import csv
from typing import NamedTuple

from .dialects import read_header
from .kinds import InvalidTable, NoSuchColumn, likely_delimiter
from .lines import Lines, TooLong
from .rows import Columns, Reading


class Layout(NamedTuple):
    """The positions of a CSV's columns, without the header's words.

    Attributes:
        fields: How many fields a row has.
        password: Position of its column, from 0; so are `id` and `hash`, unless None.
        keep: Positions of the kept columns.
        data: Offset of the first byte after the header.
        crlf: Whether the header's line ends in CR and LF.
    """

    fields: int
    password: int
    id: int | None
    hash: int | None
    keep: tuple[int, ...]
    data: int
    crlf: bool = False


def find_columns(lines: Lines, reading: Reading) -> Layout:
    """Read the header of a CSV; return the positions of the columns.

    Raises:
        InvalidTable: The header is missing or malformed, or lacks a column.
    """
    assert reading.delimiter
    crlf = False
    try:
        if reading.escapes:
            header, crlf = read_header(lines, reading)
        else:
            records = csv.reader(lines, delimiter=reading.delimiter, strict=True)
            header = next(filter(None, records), [])
    except (csv.Error, TooLong, UnicodeDecodeError):
        raise InvalidTable(
            "the first line is no header of a CSV; --format and --delimiter say how to read it"
        ) from None
    if not header:
        raise InvalidTable("the file is empty; a CSV needs a header that names columns")
    layout = _layout(header, reading.columns, lines.offset, reading.delimiter)
    return layout._replace(crlf=crlf)


def _layout(header: list[str], columns: Columns, data: int, delimiter: str) -> Layout:
    def position(name: str, field: str) -> int:
        found = [i for i, known in enumerate(header) if known == name]
        if len(found) == 1:
            return found[0]
        # Don't quote the header: in a file without one, its words are somebody's password.
        likely = None if found else likely_delimiter(delimiter.join(header), name)
        raise NoSuchColumn(name, field, len(found), likely)

    identity = columns.id_among(header)
    return Layout(
        fields=len(header),
        password=position(columns.password, "password_column"),
        id=None if identity is None else position(identity, "id_column"),
        hash=None if columns.hash is None else position(columns.hash, "hash_column"),
        keep=tuple(position(name, "keep") for name in columns.keep),
        data=data,
    )
