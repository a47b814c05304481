"""Read a Parquet table with pyarrow."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .kinds import HEAD_BYTES, InvalidTable, is_parquet
from .rows import Columns, Reading, Row

ROWS_AT_ONCE = 8192
_TEXT = ("string", "large_string")


def read_parquet(path: str, reading: Reading) -> tuple[Columns, Iterator[Row]]:
    """Return the columns and the rows of a Parquet file.

    A row's `start` is an estimate, as if all rows had the same size.

    Raises:
        InvalidTable: The file isn't Parquet, is damaged, lacks a column or has one of a wrong type.
    """
    with Path(path).open("rb") as file:
        if not is_parquet(file.read(HEAD_BYTES)):
            raise InvalidTable("the file is not Parquet")
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise InvalidTable(
            "reading Parquet needs pyarrow: pip install 'bcrypt-batch[parquet]'"
        ) from None
    try:
        file = parquet.ParquetFile(path, memory_map=True)
        names = file.schema_arrow.names
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError):
        raise InvalidTable("the file is damaged: no Parquet can be read from it") from None
    columns = reading.columns.among(names)
    identity = columns.id_among(names)
    secret = columns.secret
    plain = [name for name in (identity, *columns.keep) if name]
    for name in (*secret, *plain):
        if (found := names.count(name)) != 1:
            raise InvalidTable(
                f"the file has {'more than one' if found else 'no'} column {name!r}; "
                "--password-column, --id-column, --hash-column and --keep name others"
            )
        kind = file.schema_arrow.field(name).type
        if _is(kind, "dictionary"):  # as pandas writes categories
            kind = kind.value_type
        if name in secret and not _is(kind, *_TEXT, "binary", "large_binary"):
            raise InvalidTable(f"column {name!r} must be text or binary, not {kind}")
        if name in plain and not _is(kind, *_TEXT, "integer", "floating", "boolean", "null"):
            raise InvalidTable(f"column {name!r} must be text, numbers or booleans, not {kind}")
        if name == identity and _is(kind, "boolean"):
            raise InvalidTable(f"column {name!r} must be text or numbers, not {kind}")
    per_row = os.stat(path).st_size / max(1, file.metadata.num_rows)
    reading = reading._replace(columns=columns)
    return columns, _from_batches(file, secret, plain, reading, identity, per_row)


def _is(kind: Any, *names: str) -> bool:
    from pyarrow import types

    return any(getattr(types, f"is_{name}")(kind) for name in names)


def _from_batches(
    file: Any,
    secret: tuple[str, ...],
    plain: list[str],
    reading: Reading,
    identity: str | None,
    per_row: float,
) -> Iterator[Row]:
    columns, nulls = reading.columns, reading.null_bytes
    number = 0
    for batch in _batches(file, [*dict.fromkeys((*secret, *plain))]):
        read = {name: _values(batch.column(name)) for name in plain}
        read |= {
            name: [None if data in nulls else data for data in _bytes(batch.column(name))]
            for name in secret
        }
        for i in range(batch.num_rows):
            yield Row(
                int(number * per_row),
                read[identity][i] if identity else None,
                read[columns.password][i],
                read[columns.hash][i] if columns.hash else None,
                None,
                tuple(read[name][i] for name in columns.keep),
            )
            number += 1


def _batches(file: Any, names: list[str]) -> Iterator[Any]:
    import pyarrow

    rows = 0
    try:
        for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, columns=names):
            yield batch
            rows += batch.num_rows
    except (pyarrow.ArrowException, OSError):
        raise InvalidTable(f"the file is damaged after {rows:,} rows") from None


def _values(column: Any) -> list[Any]:
    """Return a column's values; None for a value that JSON lacks."""
    column = _plain(column)
    if _is(column.type, *_TEXT):
        return [
            None if text is None else text.decode("utf-8", "surrogateescape")
            for text in _bytes(column)
        ]
    values: list[Any] = column.to_pylist()
    if _is(column.type, "floating"):
        return [None if value is None or not math.isfinite(value) else value for value in values]
    return values


def _plain(column: Any) -> Any:
    return column.dictionary_decode() if _is(column.type, "dictionary") else column


def _bytes(column: Any) -> list[bytes | None]:
    """Return the bytes of a column's values, UTF-8 or not."""
    import pyarrow

    values: list[bytes | None] = _plain(column).cast(pyarrow.large_binary()).to_pylist()
    return values
