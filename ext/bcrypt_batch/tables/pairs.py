"""A table whose hashes are in the results of `bcrypt-batch hash`: pair rows and results.

Rows are paired by id if the table and the results have ids, by row number otherwise. No row gets
the hash of a result that has another id.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any, BinaryIO

from .inputs import open_input
from .interrupts import Interrupts
from .kinds import InvalidTable
from .rows import Row
from .source import Table

PEEKED = 1000  # if so many first rows are unreadable, a table counts as one without ids


class Pairing:
    """A table with its hashes.

    Attributes:
        table: The table.
        how: How rows are paired, as a message; None if the table itself has the hashes.
        unpaired: How many ids have no partner or several partners, by kind; complete after the
            last row.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self.how: str | None = None
        self.unpaired: Counter[str] = Counter()

    def take(self, file: BinaryIO, path: str) -> None:
        """Give the rows the hashes of a results file.

        Raises:
            InvalidTable: A line of the file is not a result.
        """
        has_ids, rows = _peek(self.table.rows)
        results = _Results(path)
        if not has_ids:
            why = "the table has no ids"
        elif not file.seekable():
            why = "a pipe can't be read twice"
        elif why := results.read(file):
            file.seek(0)
        found = _by_number(rows, file, path) if why else self._by_id(rows, results)
        self.table = self.table._replace(rows=found)
        self.how = f"pairs rows with {path} by {f'row number: {why}' if why else 'id'}"

    def _by_id(self, rows: Iterator[Row], results: _Results) -> Iterator[Row]:
        used = bytearray(len(results.hashes))
        for row in rows:
            if row.error:
                yield row
                continue
            name = name_of(row.id)
            at = None if name is None else results.positions.get(name)
            if at is None:
                self.unpaired["missing" if name is None else "not in --hashes"] += 1
                yield row
                continue
            self.unpaired["repeated"] += used[at]
            used[at] = True
            yield row._replace(hash=results.hashes[at])
        self.unpaired["in --hashes only"] = used.count(False)


class _Results:
    """The ids and hashes of a results file: about 300 bytes of memory for each.

    Attributes:
        path: The file.
        positions: Each id's position in `hashes`.
        hashes: None for a result without a hash.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.positions: dict[str, int] = {}
        self.hashes: list[bytes | None] = []

    def read(self, file: BinaryIO) -> str:
        """Read the file; return why its ids can't be used for pairing, or an empty text."""
        for number, line in enumerate(file, 1):
            result = _parsed(line)
            if result is None:
                raise _not_results(self.path, f"line {number}")
            name, hashed = name_of(result.get("id")), _hash(result)
            if name is None:
                if hashed is not None:
                    return f"its line {number} has a hash and no id"
                continue  # the row couldn't be read
            if name in self.positions:
                return f"its line {number} repeats an id"
            self.positions[name] = len(self.hashes)
            self.hashes.append(hashed)
        return "" if self.positions else "it has no ids"


@contextmanager
def paired(table: Table, path: str | None, interrupts: Interrupts) -> Iterator[Pairing]:
    """Give the rows of a table the hashes of a results file, if one is given.

    Raises:
        InvalidTable: A line of the file is not a result.
        OSError: The file can't be opened.
    """
    pairing = Pairing(table)
    if path is None:
        yield pairing
        return
    with open_input(path, interrupts) as file:
        pairing.take(file, path)
        yield pairing


def _peek(rows: Iterator[Row]) -> tuple[bool, Iterator[Row]]:
    """Return whether the first readable row has an id, and all rows."""
    ahead: list[Row] = []
    for row in islice(rows, PEEKED):
        ahead.append(row)
        if not row.error:
            break
    return any(row.id is not None for row in ahead), chain(ahead, rows)


def _by_number(rows: Iterator[Row], file: BinaryIO, path: str) -> Iterator[Row]:
    """Yield rows with their hashes.

    Raises:
        InvalidTable: The results were made from another table.
    """
    number = 0
    for number, row in enumerate(rows, 1):
        result = _parsed(file.readline())
        if result is None or result.get("row") != number - 1:
            raise _not_results(path, f"line {number}, where row {number - 1} belongs")
        ours, theirs = name_of(row.id), name_of(result.get("id"))
        if None not in (ours, theirs) and ours != theirs:
            raise InvalidTable(f"row {number - 1} has another id in {path} than in the table")
        yield row if row.error else row._replace(hash=_hash(result))
    if file.readline():
        raise InvalidTable(f"{path} has more results than the table's {number:,} rows")


def _parsed(line: bytes) -> dict[str, Any] | None:
    """Return the result on a line; None if the line is not a result."""
    try:
        result = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return result if isinstance(result, dict) else None


def name_of(identity: Any) -> str | None:
    """Return an id as text, because CSV has no numbers; None if the value can't be an id."""
    if isinstance(identity, bool) or not isinstance(identity, (str, int, float)):
        return None
    return str(identity) or None


def _hash(result: dict[str, Any]) -> bytes | None:
    hashed = result.get("hash")
    return hashed.encode("utf-8", "surrogatepass") if isinstance(hashed, str) else None


def _not_results(path: str, where: str) -> InvalidTable:
    return InvalidTable(
        f"{path} has no result on {where}; it must be the JSONL that bcrypt-batch hash made of "
        "this table"
    )
