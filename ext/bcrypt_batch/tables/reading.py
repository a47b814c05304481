"""Read the rows of a table, whatever its format."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from .arrays import array_rows, begin_json
from .kinds import BOM, FORMATS, InvalidTable, refuse_what_is_no_text
from .layout import Layout, find_columns
from .lines import Lines
from .objects import jsonl_rows
from .rows import Reading, Row, secret_bytes
from .separated import escaped_rows, quoted_rows


def begin(file: BinaryIO, encoding: str | None = None) -> Lines:
    """Return a table's lines, without a byte order mark.

    Raises:
        InvalidTable: The table isn't text, or begins with the mark of another encoding.
    """
    lines = Lines(file, encoding=encoding)
    refuse_what_is_no_text(lines.head)
    if lines.head.startswith(BOM):
        if encoding not in (None, "utf-8"):
            raise InvalidTable(f"the file has the mark of UTF-8: leave out --encoding {encoding}")
        lines.skip(len(BOM))
    return lines


def read_layout(file: BinaryIO, reading: Reading) -> tuple[Lines, Reading, Layout | None]:
    """Read a table's beginning: a byte order mark, and a CSV's header.

    Returns:
        The lines that follow and how to read them, for `read_rows`, and the layout of a CSV.

    Raises:
        InvalidTable: The table isn't text, or its header isn't valid.
    """
    lines = begin(file, reading.encoding)
    return lines, *find_layout(lines, reading)


def find_layout(lines: Lines, reading: Reading) -> tuple[Reading, Layout | None]:
    """Read up to the first row; return how to read the rows, and the layout of a CSV.

    Raises:
        InvalidTable: The header isn't valid.
    """
    if reading.form in ("json", "jsonl"):
        return begin_json(lines, reading), None
    if reading.form != "csv":
        return reading, None
    layout, columns = find_columns(lines, reading)
    return reading._replace(columns=columns, delimiter=layout.delimiter), layout


def read_rows(
    lines: Lines, reading: Reading, layout: Layout | None = None, *, piece: bool = False
) -> Iterator[Row]:
    """Yield the rows of a table, or of a piece of it that begins and ends between rows.

    Raises:
        InvalidTable: A row shows that the table has another dialect, or no row has a named key.
    """
    if reading.form == "csv":
        assert layout is not None
        return (escaped_rows if reading.escapes else quoted_rows)(lines, reading, layout)
    if reading.form == "jsonl":
        return jsonl_rows(lines, reading, piece=piece)
    if reading.form == "json":
        return array_rows(lines, reading, piece=piece)
    if reading.form == "lines":
        return _plain_rows(lines, reading)
    raise InvalidTable(f"the format must be one of {', '.join(FORMATS)}, not {reading.form!r}")


def _plain_rows(lines: Lines, reading: Reading) -> Iterator[Row]:
    nulls = reading.null_bytes
    for start, line, error in lines.whole():
        if error:
            yield Row(start, None, None, None, error)
            continue
        text = line.removesuffix("\r\n").removesuffix("\n")
        yield Row(start, None, secret_bytes(text, nulls), None)
