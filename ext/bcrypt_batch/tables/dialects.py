r"""The dialects of databases: fields have no quotes; backslashes escape special characters.

PostgreSQL's COPY writes a control character as a backslash and a letter, so a line is a record.
MySQL and MariaDB do the same with `mysql --batch`. With SELECT INTO OUTFILE they write a backslash
before the character itself, also before a line's end. All write \N for NULL, and \\N for a
backslash and an N.
"""

from __future__ import annotations

import csv
import re
from functools import cached_property
from typing import NamedTuple

from .lines import Lines
from .rows import Reading

NULL = r"\N"
_TAIL = 3  # characters that show whether a line's end is a record's end: a backslash, CR, LF


class Dialect(NamedTuple):
    r"""The meaning of backslashes in a dialect. Before any other character they mean the character.

    Attributes:
        letters: The character that a backslash and a letter mean.
        codes: Whether a backslash can begin an octal or hexadecimal byte, as in PostgreSQL.
        raw_cr: Whether a CR can be in a field without a backslash.
        end: The record that marks the end of the data; None if the dialect has no such record.
        nulls: Fields that mean a missing password or hash, beside `\N`.
    """

    letters: dict[str, str]
    codes: bool
    raw_cr: bool
    end: str | None
    nulls: tuple[str, ...]


_ESCAPED = {
    "postgres": Dialect(
        {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"},
        codes=True, raw_cr=False, end=r"\.", nulls=(),
    ),
    # mysql --batch writes NULL both for a NULL and for the password "NULL".
    "mysql": Dialect(
        {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a"},
        codes=False, raw_cr=True, end=None, nulls=("NULL",),
    ),
}  # fmt: skip
DIALECTS = ("csv", *_ESCAPED)  # of the format csv


class Records:
    """The records of a table in a dialect with backslashes.

    Attributes:
        crlf: Whether records end in CR and LF, which MySQL can write; a lone LF is then in a field.
    """

    def __init__(self, lines: Lines, reading: Reading, crlf: bool | None = None) -> None:
        assert reading.dialect
        assert reading.delimiter
        self._lines = lines
        self._delimiter = reading.delimiter
        self._dialect = _ESCAPED[reading.dialect]
        self._nulls = self._dialect.nulls if reading.nulls is None else reading.nulls
        if crlf is None:
            crlf = next(lines.ahead(), b"").endswith(b"\r\n")
        self.crlf = crlf
        self._end = "\r\n" if crlf and self._dialect.raw_cr else "\n"

    def record(self) -> str:
        """Return the next record without its line end.

        Raises:
            StopIteration: The file has no more records.
            TooLong: The record is too long; `skip` must skip its lines.
        """
        text = next(self._lines)
        while not self._is_whole(text):
            more = next(self._lines, "")
            text += more
            if not more:
                break
        text = text.removesuffix(self._end)
        return text if self._dialect.raw_cr else text.removesuffix("\r")

    def skip(self) -> int:
        """Skip the record that began at the mark; return how many lines it had."""
        self._lines.rewind()
        count, whole = 0, False
        while not whole:
            before, tail, decode = self._lines.offset, "", self._lines.decoder()
            for piece in self._lines.pieces():
                # Two backslashes are an escaped backslash, which escapes nothing itself.
                tail = (tail + decode(piece)).replace("\\\\", "  ")[-_TAIL:]
            whole = self._lines.offset == before or self._is_whole(tail)
            count += self._lines.offset > before
        return count

    def _is_whole(self, text: str) -> bool:
        """Return whether a record ends with this text."""
        if not text.endswith(self._end):
            return not text.endswith("\n")  # the file ends
        return _ends_plain(text[: -len(self._end)])

    def is_row(self, record: str, fields: int) -> bool:
        """Return whether a record is a row of so many fields, and not a blank line or the end."""
        return record != self._dialect.end and bool(record or fields == 1)

    def fields(self, record: str) -> list[str] | None:
        """Split a record at its delimiters; return None if the dialect can't have such a record."""
        if not self._dialect.raw_cr and "\r" in record:
            return None
        fields = record.split(self._delimiter)
        if "\\" not in record:
            return fields
        joined: list[str] = []
        held: list[str] = []  # joined once: a field may have a million delimiters
        for field in fields:
            held.append(field)
            if _ends_plain(field):
                joined.append(self._delimiter.join(held))
                held.clear()
        return None if held else joined

    def text(self, field: str) -> str | None:
        """Return the text of a field, None for NULL."""
        if "\\" not in field:
            return field
        return None if field == NULL else self._escape.sub(self._meant, field)

    def secret(self, field: str) -> bytes | None:
        """Return the bytes of a password or hash, None for NULL."""
        text = None if field in self._nulls else self.text(field)
        return None if text is None else text.encode("utf-8", "surrogateescape")

    @cached_property
    def _escape(self) -> re.Pattern[str]:
        codes = r"((?:\\x[0-9A-Fa-f]{1,2}|\\[0-7]{1,3})+)" if self._dialect.codes else "((?!))"
        return re.compile(rf"{codes}|\\(.)", re.DOTALL)

    def _meant(self, match: re.Match[str]) -> str:
        if match[1] is None:
            return self._dialect.letters.get(match[2], match[2])
        codes = match[1].split("\\")[1:]
        data = bytes(
            int(code[1:], 16) if code.startswith("x") else int(code, 8) & 0xFF for code in codes
        )
        return self._lines.text_of(data)


def _ends_plain(text: str) -> bool:
    """Return whether the text does not end in a backslash that escapes the next character."""
    return not text.endswith("\\") or (len(text) - len(text.rstrip("\\"))) % 2 == 0


def read_header(lines: Lines, reading: Reading) -> tuple[list[str], bool]:
    """Return the first record's fields, an empty list without a record; and whether CRLF ends it.

    Raises:
        TooLong: The record is too long.
        csv.Error: The dialect can't have such a record.
    """
    records = Records(lines, reading)
    try:
        while not (record := records.record()):
            pass
    except StopIteration:
        return [], False
    fields = records.fields(record)
    if fields is None:
        raise csv.Error
    return [records.text(field) or "" for field in fields], records.crlf
