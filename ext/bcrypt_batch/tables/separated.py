"""The rows of a CSV in each of its dialects, each with its offset in the file."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from .dialects import Records
from .kinds import InvalidTable
from .layout import Layout
from .lines import MAX_RECORD_BYTES, Lines, TooLong
from .quotes import leave_doubtful
from .rows import (
    MALFORMED,
    REPEATED_HEADER,
    TOO_LONG,
    WRONG_ENCODING,
    WRONG_FIELDS,
    Reading,
    Row,
    secret_bytes,
)

MAX_FIELD = 1 << 17  # characters
# A record is read to its end before its fields are checked: a reader that stops inside a quoted
# field would take the rest of the field for rows. The limit applies to the whole process, which is
# the command line or a function.
csv.field_size_limit(MAX_RECORD_BYTES)

OTHER_DIALECT = (
    "a quoted field between tabs or bars has several lines, or a password begins with a quote: "
    "--dialect postgres or mysql is for files of COPY, mysql --batch or INTO OUTFILE, --dialect "
    "csv for fields in quotes; psql --no-align and sqlite3 write neither quotes nor backslashes: "
    "make a CSV by psql --csv or sqlite3 -csv"
)


def quoted_rows(lines: Lines, reading: Reading, layout: Layout) -> Iterator[Row]:
    """Yield the rows of a dialect with quotes."""
    delimiter, nulls = layout.delimiter, reading.null_bytes
    password_column = reading.columns.password
    doubtful = reading.doubtful
    # Strict, so that an unclosed quote is an error at the next quote instead of joining rows.
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    number, password_at, id_at, hash_at, keep, *_ = layout
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
        except UnicodeDecodeError:
            error = WRONG_ENCODING
        except csv.Error:
            error = MALFORMED
        if error or lines.escaped:
            end = lines.offset
            left = leave_doubtful(lines, delimiter)
            if doubtful and left > 1:
                raise InvalidTable(OTHER_DIALECT)
            if error or lines.offset != end:
                yield Row(start, None, None, None, error or MALFORMED, lines=left)
                continue
        if not fields:
            continue  # an empty line
        if doubtful and lines.taken > 1:
            raise InvalidTable(OTHER_DIALECT)
        if lines.offset - start > MAX_FIELD and max(map(len, fields)) > MAX_FIELD:
            error = MALFORMED
        elif len(fields) != number:
            error = WRONG_FIELDS
        elif password_column in fields[password_at] and layout.is_header(fields):
            error = REPEATED_HEADER
        if error:
            yield Row(start, None, None, None, error, lines=left or lines.taken)
            continue
        yield Row(
            start,
            None if id_at is None else fields[id_at],
            secret_bytes(fields[password_at], nulls),
            None if hash_at is None else secret_bytes(fields[hash_at], nulls),
            None,
            tuple(fields[i] for i in keep) if keep else (),
        )


def escaped_rows(lines: Lines, reading: Reading, layout: Layout) -> Iterator[Row]:
    """Yield the rows of a dialect with backslashes."""
    records = Records(lines, reading, layout.crlf)
    text, secret = records.text, records.secret
    number, password_at, id_at, hash_at, keep, *_ = layout
    while True:
        start = lines.mark()
        try:
            record = records.record()
        except StopIteration:
            return
        except (TooLong, UnicodeDecodeError) as why:
            error = TOO_LONG if isinstance(why, TooLong) else WRONG_ENCODING
            yield Row(start, None, None, None, error, lines=records.skip())
            continue
        if not records.is_row(record, number):
            continue
        fields = records.fields(record)
        problem = None
        if fields is None:
            problem = MALFORMED
        elif len(fields) != number:
            problem = WRONG_FIELDS
        elif layout.is_header(fields):
            problem = REPEATED_HEADER
        if problem or not fields:
            yield Row(start, None, None, None, problem, lines=lines.taken)
            continue
        try:
            yield Row(
                start,
                None if id_at is None else text(fields[id_at]),
                secret(fields[password_at]),
                None if hash_at is None else secret(fields[hash_at]),
                None,
                tuple(text(fields[i]) for i in keep) if keep else (),
            )
        except UnicodeDecodeError:
            yield Row(start, None, None, None, WRONG_ENCODING, lines=lines.taken)
