"""The rows of a table, each with its offset in the file.

Passwords are the bytes of the file: text is decoded with surrogateescape and encoded back, so that
bytes that aren't UTF-8 survive. A row that can't be read gets an error; the next rows are read.
"""

from __future__ import annotations

import csv
import json
import math
from collections import deque
from collections.abc import Container, Iterator
from typing import Any, BinaryIO, NamedTuple

from .kinds import (
    BOM,
    FORMATS,
    InvalidColumns,
    InvalidTable,
    NoSuchColumn,
    likely_delimiter,
    refuse_what_is_no_text,
)
from .lines import MAX_RECORD_BYTES, Lines, TooLong
from .quotes import leave_doubtful

MALFORMED = "malformed_row"
WRONG_FIELDS = "wrong_number_of_fields"
WRONG_TYPE = "wrong_type"
TOO_LONG = "row_too_long"
ERROR_CODES = (MALFORMED, WRONG_FIELDS, WRONG_TYPE, TOO_LONG)  # of a row that can't be read

# The fields of results: kept columns need other names.
FIXED = ("row", "id", "hash", "match", "truncated", "error")

MAX_DEPTH = 64  # of a kept value
MAX_FIELD = 1 << 17  # characters
# A record is read to its end before its fields are checked: a reader that stops inside a quoted
# field would take the rest of the field for rows. The limit holds for the whole process, which
# belongs to the command line or a function.
csv.field_size_limit(MAX_RECORD_BYTES)


class Row(NamedTuple):
    """One row.

    Attributes:
        start: Offset of its first byte in the file.
        id: The user's id, or None if the table has no id column.
        password: Its bytes; None if missing.
        hash: Its bytes; None if missing, and always when hashing.
        error: A code if the row can't be read; the other fields are None then.
        kept: Values of the kept columns.
        lines: How many lines of the file it has; counted only for a CSV's row in error.
    """

    start: int
    id: Any
    password: bytes | None
    hash: bytes | None
    error: str | None = None
    kept: tuple[Any, ...] = ()
    lines: int = 1


class Columns(NamedTuple):
    """The names of the columns that are read.

    Attributes:
        id: The id column, which must exist; None for the column `id`, if there is one.
        hash: None when hashing.
        keep: Columns to copy to the results.
    """

    password: str = "password"
    id: str | None = None
    hash: str | None = None
    keep: tuple[str, ...] = ()

    def check(self, form: str | None) -> None:
        """Refuse columns that a format lacks, or that would put a secret in the results.

        Raises:
            InvalidColumns: With the wrong field of an event.
        """
        named: dict[str, tuple[str | None, ...]] = {
            "password_column": (self.password,),
            "id_column": (self.id,),
            "hash_column": (self.hash,),
            "keep": self.keep,
        }
        for field, names in named.items():
            if "" in names:
                raise InvalidColumns(field, "must be a column's name, not an empty one")
        if form == "lines":
            if self.hash:
                raise InvalidColumns("format", "'lines' has passwords only, and no hashes")
            for field in ("id_column", "keep"):
                if any(named[field]):
                    raise InvalidColumns(field, "doesn't go with format 'lines': it has no columns")
        if self.id in self.secret:
            raise InvalidColumns("id_column", "can't be the password or the hash column")
        if {*self.keep} & {*FIXED, *self.secret}:
            raise InvalidColumns(
                "keep", f"can't be one of {', '.join(FIXED)}, nor the password or the hash column"
            )

    @property
    def secret(self) -> tuple[str, ...]:
        """The columns that may be neither kept nor the id."""
        return (self.password,) if self.hash is None else (self.password, self.hash)

    def id_among(self, names: Container[str]) -> str | None:
        """Return the id column of a table with these columns, or None if it has none."""
        return self.id or ("id" if "id" in names and "id" not in self.secret else None)


class Layout(NamedTuple):
    """The positions of a CSV's columns, without the header's words.

    Attributes:
        fields: How many fields a row has.
        password: Position of its column, from 0; so are `id` and `hash`, unless None.
        keep: Positions of the kept columns.
        data: Offset of the first byte after the header.
    """

    fields: int
    password: int
    id: int | None
    hash: int | None
    keep: tuple[int, ...]
    data: int


def read_layout(
    file: BinaryIO, form: str, columns: Columns, delimiter: str = ","
) -> tuple[Lines, Layout | None]:
    """Read a table's beginning: a byte order mark, and a CSV's header.

    Returns:
        The lines that follow, for `read_rows`, and the layout of a CSV.

    Raises:
        InvalidTable: The table isn't text, or its header isn't valid.
    """
    lines = begin(file)
    return lines, find_columns(lines, columns, delimiter) if form == "csv" else None


def begin(file: BinaryIO) -> Lines:
    """Return a table's lines, without a byte order mark.

    Raises:
        InvalidTable: The table isn't text.
    """
    lines = Lines(file)
    refuse_what_is_no_text(lines.head)
    if lines.head.startswith(BOM):
        lines.skip(len(BOM))
    return lines


def find_columns(lines: Lines, columns: Columns, delimiter: str) -> Layout:
    """Read the header of a CSV; return the positions of the columns.

    Raises:
        InvalidTable: The header is missing or malformed, or lacks a column.
    """
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        header = next(reader)
        while not header:
            header = next(reader)
    except StopIteration:
        raise InvalidTable("the file is empty; a CSV needs a header that names columns") from None
    except (csv.Error, TooLong):
        raise InvalidTable(
            "the first line is no header of a CSV; --format and --delimiter say how to read it"
        ) from None
    return _layout(header, columns, lines.offset, delimiter)


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


def read_rows(
    lines: Lines,
    form: str,
    columns: Columns,
    layout: Layout | None = None,
    delimiter: str = ",",
) -> Iterator[Row]:
    """Yield the rows of a table, or of a piece of it that begins and ends between rows."""
    if form == "csv":
        assert layout is not None
        return _csv_rows(lines, layout, delimiter)
    if form == "jsonl":
        return _jsonl_rows(lines, columns)
    if form == "lines":
        return _plain_rows(lines)
    raise InvalidTable(f"the format must be one of {', '.join(FORMATS)}, not {form!r}")


def _csv_rows(lines: Lines, layout: Layout, delimiter: str) -> Iterator[Row]:
    # Strict, so that an unclosed quote is an error at the next quote instead of joining rows.
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    number, password_at, id_at, hash_at, keep, _ = layout
    while True:
        start = lines.mark()
        error = None
        left = 0
        try:
            fields = next(reader)
        except StopIteration:
            return
        except TooLong:
            error = TOO_LONG
        except csv.Error:
            error = MALFORMED
        if error or lines.escaped:
            end = lines.offset
            left = leave_doubtful(lines, delimiter)
            if error or lines.offset != end:
                yield Row(start, None, None, None, error or MALFORMED, lines=left)
                continue
        if not fields:
            continue  # an empty line
        if lines.offset - start > MAX_FIELD and max(map(len, fields)) > MAX_FIELD:
            error = MALFORMED
        elif len(fields) != number:
            error = WRONG_FIELDS
        if error:
            yield Row(start, None, None, None, error, lines=left or lines.taken)
            continue
        yield Row(
            start,
            None if id_at is None else fields[id_at],
            fields[password_at].encode("utf-8", "surrogateescape"),
            None if hash_at is None else fields[hash_at].encode("utf-8", "surrogateescape"),
            None,
            tuple(fields[i] for i in keep) if keep else (),
        )


def _jsonl_rows(lines: Lines, columns: Columns) -> Iterator[Row]:
    decode = json.JSONDecoder(parse_constant=_finite, parse_float=_finite).decode
    for start, line in _whole_lines(lines):
        if line is None:
            yield Row(start, None, None, None, TOO_LONG)
            continue
        if line.isspace():
            continue
        try:
            found = decode(line)
            if not isinstance(found, dict):
                raise TypeError
            yield _from_object(start, found, columns)
        except TypeError:
            yield Row(start, None, None, None, WRONG_TYPE)
        except (ValueError, RecursionError):  # UnicodeEncodeError, too: half a surrogate pair
            yield Row(start, None, None, None, MALFORMED)


def _finite(text: str) -> float:
    """Return a number; NaN and Infinity aren't JSON, and 1e999 would become Infinity."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number


def _is_deep(value: Any) -> bool:
    """Return whether lists and objects are nested so deep that writing them may fail."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for one in level
            if isinstance(one, (dict, list))
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return any(isinstance(one, (dict, list)) for one in level)


def _from_object(start: int, found: dict[str, Any], columns: Columns) -> Row:
    name = columns.id_among(found)
    identity = None if name is None else found.get(name)
    if identity is not None and (
        isinstance(identity, bool) or not isinstance(identity, (str, int, float))
    ):
        raise TypeError
    kept = tuple(map(found.get, columns.keep))
    if any(isinstance(value, (dict, list)) and _is_deep(value) for value in kept):
        raise ValueError
    return Row(
        start,
        identity,
        _text(found.get(columns.password)),
        _text(found.get(columns.hash)) if columns.hash else None,
        None,
        kept,
    )


def _text(value: Any) -> bytes | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError
    return value.encode("utf-8", "surrogateescape")


def _plain_rows(lines: Lines) -> Iterator[Row]:
    for start, line in _whole_lines(lines):
        if line is None:
            yield Row(start, None, None, None, TOO_LONG)
            continue
        text = line.removesuffix("\r\n").removesuffix("\n")
        yield Row(start, None, text.encode("utf-8", "surrogateescape"), None)


def _whole_lines(lines: Lines) -> Iterator[tuple[int, str | None]]:
    """Yield each line with its offset; None for one that is too long."""
    while True:
        start = lines.mark()
        try:
            yield start, next(lines)
        except StopIteration:
            return
        except TooLong:
            deque(lines.pieces(), maxlen=0)
            yield start, None
