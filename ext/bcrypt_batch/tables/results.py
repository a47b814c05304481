"""Result lines: the outcome of each row, as JSON or CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from json.encoder import encode_basestring_ascii
from types import SimpleNamespace
from typing import Any, NamedTuple

from .compute import Outcome

# A string can't contain these, because its quotes are escaped; a kept object can.
_ERROR = b', "error": "'
_NO_MATCH = b', "match": false'
_TRUNCATED = ', "truncated": true}\n'  # only our own field is last: kept columns come before it

_CSV_END = "\r\n"  # before Python 3.13 csv.writer quotes CR and LF only if the line end has them


class Counts(NamedTuple):
    """How many rows there are, by outcome.

    Attributes:
        rows: All rows.
        errors: Rows with an error.
        unmatched: Rows whose password doesn't match, when verifying.
        truncated: Rows with a hash or match of a password cut to 72 bytes.
    """

    rows: int = 0
    errors: int = 0
    unmatched: int = 0
    truncated: int = 0

    def plus(self, other: Counts) -> Counts:
        return Counts(*(a + b for a, b in zip(self, other, strict=True)))


def count(outcomes: list[Outcome]) -> Counts:
    """Count rows by outcome."""
    return Counts(
        len(outcomes),
        sum(outcome.error is not None for outcome in outcomes),
        sum(outcome.value is False for outcome in outcomes),
        sum(outcome.truncated for outcome in outcomes),
    )


FAILURES_HEADER = b"row,id,error\n"  # of a CSV


def failure_line(row: int, identity: Any, code: str, form: str) -> bytes:
    """Return the line of a row in error: its number, its id and the error."""
    if form == "csv":
        return _csv([[row, _cell(identity), code]])
    named = "" if identity is None else f', "id": {_json(identity)}'
    return f'{{"row": {row}{named}, "error": {_json(code)}}}\n'.encode()


def read_line(line: bytes) -> tuple[Counts, dict[str, Any]]:
    """Return the counts of a JSON line, and its content if the row is in error."""
    one = Counts(1, truncated=line.endswith(_TRUNCATED.encode()))
    if _ERROR not in line and _NO_MATCH not in line:
        return one, {}
    try:
        found = json.loads(line)
        failed = "error" in found
        unmatched = found.get("match") is False
        return one._replace(errors=failed, unmatched=unmatched), found if failed else {}
    except (ValueError, AttributeError):  # not one of our lines
        return one, {}


def json_lines(outcomes: Iterable[Outcome], first: int, keep: tuple[str, ...] = ()) -> bytes:
    """Return a line for each outcome; `first` is the number of the first row."""
    names = [f", {json.dumps(name)}: " for name in keep]
    lines = []
    for number, (row, value, error, truncated, scheme) in enumerate(outcomes, first):
        line = f'{{"row": {number}'
        if row.id is not None:
            line += f', "id": {_json(row.id)}'
        # A row that can't be read has no kept columns.
        for name, kept in zip(names, row.kept, strict=False):
            line += name + _json(kept)
        if scheme is not None:
            line += f', "scheme": "{scheme}"'
        if error is not None:
            lines_of = f', "lines": {row.lines}' if row.lines > 1 else ""
            line += f', "error": "{error}"{lines_of}'
        elif isinstance(value, str):
            line += f', "hash": "{value}"'
        else:
            line += f', "match": {"true" if value else "false"}'
        lines.append(line + (_TRUNCATED if truncated else "}\n"))
    return "".join(lines).encode()


def _json(value: Any) -> str:
    return encode_basestring_ascii(value) if isinstance(value, str) else json.dumps(value)


def csv_header(operation: str, keep: tuple[str, ...] = ()) -> bytes:
    """Return the first line of a CSV of results."""
    value = ["hash"] if operation == "hash" else ["scheme", "match"]
    return _csv([["row", "id", *keep, *value, "truncated", "error"]])


def csv_lines(
    outcomes: Iterable[Outcome],
    first: int,
    keep: tuple[str, ...] = (),
    operation: str = "hash",
) -> bytes:
    """Return a CSV record for each outcome; records of `verify` have a scheme."""
    nothing = ("",) * len(keep)
    return _csv(
        [number, _cell(row.id), *(map(_cell, row.kept) if row.kept else nothing),
         *([] if operation == "hash" else [scheme or ""]), _cell(value),
         "true" if truncated else "", error or ""]
        for number, (row, value, error, truncated, scheme) in enumerate(outcomes, first)
    )  # fmt: skip


def _cell(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value)


def _csv(records: Iterable[list[Any]]) -> bytes:
    lines = []

    def add(record: str) -> None:
        line = record.removesuffix(_CSV_END) + "\n"
        data = raw_bytes(line)
        lines.append(line.encode("utf-8", "surrogatepass") if data is None else data)

    csv.writer(SimpleNamespace(write=add), lineterminator=_CSV_END).writerows(records)
    return b"".join(lines)


def raw_bytes(text: str) -> bytes | None:
    """Return the bytes that text was decoded from, whether they are UTF-8 or not.

    Returns:
        The bytes, or None if no bytes decode to this text. JSON can escape half a surrogate pair,
        and several such halves whose bytes together are a letter.
    """
    try:
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return None
    return data if data.isascii() or data.decode("utf-8", "surrogateescape") == text else None
