"""Open a table that is a file, or comes through a pipe, or is Parquet."""

from __future__ import annotations

import math
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from .kinds import HEAD_BYTES, InvalidTable, guess_format, is_parquet
from .lines import FIXED
from .rows import Columns, Row, read_layout, read_rows

PARQUET_ROWS = 8192  # at once
_TEXT = ("string", "large_string")


class Source(NamedTuple):
    """Where a table comes from, and how it is to be read.

    Attributes:
        path: The file, or `-` for standard input.
        form: `csv`, `jsonl`, `lines` or `parquet`.
        columns: The columns to read.
        delimiter: What stands between a CSV's fields.
    """

    path: str
    form: str
    columns: Columns
    delimiter: str = ","


class Table(NamedTuple):
    """A table that is being read.

    Attributes:
        rows: Its rows.
        size: Its size in bytes; None where it is no plain file.
    """

    rows: Iterator[Row]
    size: int | None


def source(path: str, form: str | None, columns: Columns, delimiter: str | None) -> Source:
    """Return how a file is to be read; what isn't said its name tells.

    Raises:
        InvalidTable: It doesn't tell, or the format has no such columns.
    """
    if form is None:
        if path == "-":
            raise InvalidTable("standard input has no name to tell the format by; give --format")
        form = guess_format(path)
    if form == "lines" and (columns.hash or columns.id or columns.keep):
        raise InvalidTable("the format 'lines' has passwords only, and no columns")
    _check_names(columns)
    columns = columns._replace(keep=tuple(dict.fromkeys(columns.keep)))
    if delimiter is None:
        delimiter = "\t" if path.lower().endswith(".tsv") else ","
    return Source(path, form, columns, delimiter)


def _check_names(columns: Columns) -> None:
    secret = [name for name in (columns.password, columns.hash) if name]
    if columns.id in secret:
        raise InvalidTable(
            f"the id column can't be {columns.id!r}: the password and hash columns never go along"
        )
    for name in columns.keep:
        if name in (*FIXED, *secret):
            raise InvalidTable(
                f"--keep can't be {name!r}: {', '.join(FIXED)} are names of the results, and the "
                "password and hash columns never go along"
            )


@contextmanager
def open_table(source: Source) -> Iterator[Table]:
    """Open a table for reading.

    Raises:
        InvalidTable: It can't be read as it is asked to.
        OSError: It can't be opened.
    """
    if source.form == "parquet":
        if source.path == "-" or not stat.S_ISREG(os.stat(source.path).st_mode):
            raise InvalidTable("Parquet can only be read from a plain file")
        yield Table(_parquet_rows(source), os.stat(source.path).st_size)
        return
    if source.path == "-":
        lines, layout = read_layout(sys.stdin.buffer, source.form, source.columns, source.delimiter)
        yield Table(read_rows(lines, source.form, source.columns, layout, source.delimiter), None)
        return
    with Path(source.path).open("rb") as file:
        about = os.fstat(file.fileno())
        size = about.st_size if stat.S_ISREG(about.st_mode) else None
        lines, layout = read_layout(file, source.form, source.columns, source.delimiter)
        rows = read_rows(lines, source.form, source.columns, layout, source.delimiter)
        yield Table(rows, size)


def _parquet_rows(source: Source) -> Iterator[Row]:
    """Yield the rows of a Parquet file; `start` is where a row would be, were all of one size."""
    with Path(source.path).open("rb") as file:
        if not is_parquet(file.read(HEAD_BYTES)):
            raise InvalidTable("the file is no Parquet")
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise InvalidTable(
            "reading Parquet needs pyarrow: pip install 'bcrypt-batch[parquet]'"
        ) from None
    try:
        file = parquet.ParquetFile(source.path, memory_map=True)
        names = file.schema_arrow.names
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError):
        raise InvalidTable("the file is damaged: no Parquet can be read from it") from None
    columns = source.columns
    identity = columns.id or (columns.identity if columns.identity in names else None)
    secret = [name for name in (columns.password, columns.hash) if name]
    plain = [name for name in (identity, *columns.keep) if name]
    for name in (*secret, *plain):
        if (found := names.count(name)) != 1:
            raise InvalidTable(
                f"the file has {'more than one' if found else 'no'} column {name!r}; "
                "an option names the right one"
            )
        kind = file.schema_arrow.field(name).type
        if name in secret and not _is(kind, *_TEXT, "binary", "large_binary"):
            raise InvalidTable(f"column {name!r} must be text or binary, not {kind}")
        if name in plain and not _is(kind, *_TEXT, "integer", "floating", "boolean", "null"):
            raise InvalidTable(f"column {name!r} must be text, numbers or booleans, not {kind}")
        if name == identity and _is(kind, "boolean"):
            raise InvalidTable(f"column {name!r} must be text or numbers, not {kind}")
    per_row = os.stat(source.path).st_size / max(1, file.metadata.num_rows)
    return _from_batches(file, secret, plain, columns, identity, per_row)


def _is(kind: Any, *names: str) -> bool:
    from pyarrow import types

    return any(getattr(types, f"is_{name}")(kind) for name in names)


def _from_batches(
    file: Any,
    secret: list[str],
    plain: list[str],
    columns: Columns,
    identity: str | None,
    per_row: float,
) -> Iterator[Row]:
    number = 0
    for batch in _batches(file, [*dict.fromkeys(secret + plain)]):
        read = {name: _values(batch.column(name)) for name in plain}
        read |= {name: _bytes(batch.column(name)) for name in secret}
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
        for batch in file.iter_batches(batch_size=PARQUET_ROWS, columns=names):
            yield batch
            rows += batch.num_rows
    except (pyarrow.ArrowException, OSError):
        raise InvalidTable(f"the file is damaged after {rows:,} rows") from None


def _values(column: Any) -> list[Any]:
    """Return a column's values, as far as JSON has them."""
    if _is(column.type, *_TEXT):
        return [
            None if text is None else text.decode("utf-8", "surrogateescape")
            for text in _bytes(column)
        ]
    values: list[Any] = column.to_pylist()
    if _is(column.type, "floating"):
        return [None if value is None or not math.isfinite(value) else value for value in values]
    return values


def _bytes(column: Any) -> list[bytes | None]:
    """Return the bytes of the file, whether they are UTF-8 or not."""
    import pyarrow

    values: list[bytes | None] = column.cast(pyarrow.large_binary()).to_pylist()
    return values
