"""A table whose hashes are in the results of `bcrypt-batch hash`, a line for each row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from .inputs import open_input
from .interrupts import Interrupts
from .kinds import InvalidTable
from .rows import Row
from .source import Table


@contextmanager
def paired(table: Table, path: str | None, interrupts: Interrupts) -> Iterator[Table]:
    """Add the hashes of a results file to the rows of a table, if a file is given.

    Raises:
        OSError: The file can't be opened.
    """
    if path is None:
        yield table
        return
    with open_input(path, interrupts) as file:
        yield table._replace(rows=_rows(table.rows, file, path))


def _rows(rows: Iterator[Row], file: BinaryIO, path: str) -> Iterator[Row]:
    """Yield rows with their hashes.

    Raises:
        InvalidTable: The results are not those of the table.
    """
    number = 0
    for number, row in enumerate(rows, 1):
        result = _result(file.readline(), number - 1, path)
        theirs = result.get("id")
        if None not in (row.id, theirs) and str(row.id) != str(theirs):
            raise InvalidTable(f"row {number - 1} has another id in {path} than in the table")
        hashed = result.get("hash")
        found = hashed.encode("utf-8", "surrogateescape") if isinstance(hashed, str) else None
        yield row if row.error else row._replace(hash=found)
    if file.readline():
        raise InvalidTable(f"{path} has more results than the table's {number:,} rows")


def _result(line: bytes, row: int, path: str) -> dict[str, Any]:
    try:
        result: dict[str, Any] = json.loads(line)
        if result["row"] == row:
            return result
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    raise InvalidTable(
        f"{path} has no result of row {row} on line {row + 1}; it must be the JSONL that "
        "bcrypt-batch hash made of this table"
    )
