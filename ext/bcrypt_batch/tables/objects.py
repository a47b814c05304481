"""The rows of JSON, each with its offset in the file."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from .kinds import NoSuchColumn
from .lines import Lines
from .rows import MALFORMED, WRONG_TYPE, Columns, Reading, Row, secret_bytes

MAX_DEPTH = 64  # of lists and objects in a kept value


class Objects:
    """Makes rows from the objects of a table, and notes which requested keys no object has."""

    def __init__(self, reading: Reading) -> None:
        self.columns, self.nulls = reading.columns, reading.null_bytes
        self.decoder = json.JSONDecoder(parse_constant=_finite, parse_float=_finite)
        columns = self.columns
        named = [("password_column", columns.password), ("hash_column", columns.hash)]
        named += [("id_column", columns.id), *(("keep", name) for name in columns.keep)]
        self._missing = {name: field for field, name in named if name is not None}
        self._seen = False

    def row(self, start: int, found: Any) -> Row:
        """Return the row of an object; any other value gives a row in error."""
        try:
            if not isinstance(found, dict):
                raise TypeError
            self._seen = True
            if self._missing:
                for name in self._missing.keys() & found.keys():
                    del self._missing[name]
            return _from_object(start, found, self.columns, self.nulls)
        except TypeError:
            return Row(start, None, None, None, WRONG_TYPE)
        except ValueError:  # also UnicodeEncodeError, for half a surrogate pair
            return Row(start, None, None, None, MALFORMED)

    def check(self) -> None:
        """After the last row, refuse a table if no object has a requested key.

        Raises:
            NoSuchColumn: No object has the key.
        """
        columns, missing = self.columns, self._missing
        either = {getattr(columns, field) for field in columns.optional}
        if missing.keys() >= {*columns.secret}:
            either.clear()
        for name, field in missing.items() if self._seen else ():
            if name not in either:
                raise NoSuchColumn(
                    f"no row has the key {name!r}; --{field.replace('_', '-')} names another",
                    f"no row has the key in input.{field}",
                )


def jsonl_rows(lines: Lines, reading: Reading, *, piece: bool) -> Iterator[Row]:
    """Yield the rows of JSON lines, or of a piece that begins and ends between rows."""
    objects = Objects(reading)
    decode = objects.decoder.decode
    for start, line, error in lines.whole():
        if error:
            yield Row(start, None, None, None, error)
            continue
        if line.isspace():
            continue
        try:
            found = decode(line)
        except (ValueError, RecursionError):
            yield Row(start, None, None, None, MALFORMED)
            continue
        yield objects.row(start, found)
    if not piece:
        objects.check()


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


def _from_object(
    start: int, found: dict[str, Any], columns: Columns, nulls: frozenset[bytes]
) -> Row:
    name = columns.id_among(found)
    identity = None if name is None else found.get(name)
    if isinstance(identity, dict) and [*identity] == ["$oid"]:  # MongoDB's
        identity = identity["$oid"]
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
        _secret(found.get(columns.password), nulls),
        _secret(found.get(columns.hash), nulls) if columns.hash else None,
        None,
        kept,
    )


def _secret(value: Any, nulls: frozenset[bytes]) -> bytes | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError
    return secret_bytes(value, nulls)
