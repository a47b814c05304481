"""The rows of a JSON array, each with its offset in the file; the array need not fit in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress

from .kinds import InvalidTable
from .lines import Lines
from .objects import Objects
from .rows import WRONG_ENCODING, Reading, Row

_BETWEEN = re.compile(r"[ \t\r\n,]*")
_READ_BYTES = 1 << 16
_LIST_OF_OBJECTS = re.compile(r"\s*\{\s*\"[^\"]*\"\s*:\s*\[\s*\{")
DOCUMENT = (
    "the file is one JSON document, and not a list of users: extract the users first, for instance "
    "with jq -c '.users[]' FILE | bcrypt-batch hash - --format jsonl"
)


def begin_json(lines: Lines, reading: Reading) -> Reading:
    """Return how to read JSON: as an array, whose bracket is skipped, or as an object on each line.

    Raises:
        InvalidTable: The file is one JSON document.
    """
    begins, first = 0, b""
    for line in lines.ahead():
        first = line.lstrip(b" \t\r\n")
        begins += len(line) - len(first)
        if first or begins > lines.limit:
            break
    if first.startswith(b"["):
        lines.skip(begins + 1)
        return reading._replace(form="json")
    if _is_document(lines.decoder()(first), reading.columns.password):
        raise InvalidTable(DOCUMENT)
    return reading._replace(form="jsonl")


def _is_document(line: str, password: str) -> bool:
    """Return whether a first line begins an object of several lines, or has a list of users."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return line.lstrip().startswith("{") and (
            line.rstrip().endswith(("{", "[", ",")) or _LIST_OF_OBJECTS.match(line) is not None
        )
    return (
        isinstance(found, dict)
        and password not in found
        and any(
            isinstance(value, list) and any(isinstance(one, dict) for one in value)
            for value in found.values()
        )
    )


def array_rows(lines: Lines, reading: Reading, *, piece: bool) -> Iterator[Row]:
    """Yield the rows of an array after its bracket, or of a piece that is cut between rows.

    Raises:
        InvalidTable: The JSON is malformed, or more follows the array.
    """
    objects = Objects(reading)
    decode = objects.decoder.raw_decode
    more = lines.decoder()
    text, at, ended, closed = "", 0, False, False
    start, size = lines.offset, _READ_BYTES
    while True:
        gap = _BETWEEN.match(text, at)
        assert gap is not None
        start, at = start + gap.end() - at, gap.end()
        if text.startswith("]", at):
            _check_end(lines, text[at + 1 :])
            closed = True
            break
        if at < len(text):
            end = None
            with suppress(ValueError, RecursionError):
                found, end = decode(text, at)
            if end and (ended or end < len(text)):
                value = text[at:end]
                if reading.encoding and not _is_text(value):
                    yield Row(start, None, None, None, WRONG_ENCODING)
                else:
                    yield objects.row(start, found)
                start, at, size = start + lines.size_of(value), end, _READ_BYTES
                continue
            if ended or len(text) - at > lines.limit:
                raise InvalidTable(f"the JSON array is malformed or too long at byte {start:,}")
        elif ended:
            break
        data = lines.take(size)
        size = min(2 * size, lines.limit)
        ended = not data
        text, at = text[at:] + more(data), 0
    if not piece:
        if not closed:
            raise InvalidTable("the JSON array has no end: the file is cut off")
        objects.check()


def _is_text(value: str) -> bool:
    """Return whether all bytes of the text could be decoded."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_end(lines: Lines, rest: str) -> None:
    data = rest.encode("utf-8", "surrogateescape")
    while data:
        if not data.isspace():
            raise InvalidTable("more follows the JSON array; a table is one array, or JSON lines")
        data = lines.take(_READ_BYTES)
