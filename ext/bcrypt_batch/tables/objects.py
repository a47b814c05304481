"""The rows of JSON, each with its offset in the file."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from .lines import Lines
from .rows import MALFORMED, WRONG_TYPE, Columns, Reading, Row, secret_bytes

MAX_DEPTH = 64  # of a kept value


def jsonl_rows(lines: Lines, reading: Reading) -> Iterator[Row]:
    """Yield the rows of a table of an object a line, or of a piece between rows."""
    columns, nulls = reading.columns, reading.null_bytes
    decode = json.JSONDecoder(parse_constant=_finite, parse_float=_finite).decode
    for start, line, error in lines.whole():
        if error:
            yield Row(start, None, None, None, error)
            continue
        if line.isspace():
            continue
        try:
            found = decode(line)
            if not isinstance(found, dict):
                raise TypeError
            yield _from_object(start, found, columns, nulls)
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


def _from_object(
    start: int, found: dict[str, Any], columns: Columns, nulls: frozenset[bytes]
) -> Row:
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
