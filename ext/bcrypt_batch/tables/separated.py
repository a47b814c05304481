"""The rows of a CSV, each with its offset in the file."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from .layout import Layout
from .lines import MAX_RECORD_BYTES, Lines, TooLong
from .quotes import leave_doubtful
from .rows import MALFORMED, TOO_LONG, WRONG_FIELDS, Row

MAX_FIELD = 1 << 17  # characters
# A record is read to its end before its fields are checked: a reader that stops inside a quoted
# field would take the rest of the field for rows. The limit holds for the whole process, which
# belongs to the command line or a function.
csv.field_size_limit(MAX_RECORD_BYTES)


def csv_rows(lines: Lines, layout: Layout, delimiter: str) -> Iterator[Row]:
    # Strict, so that an unclosed quote is an error at the next quote instead of joining rows.
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    number, password_at, id_at, hash_at, keep, _ = layout
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
        except csv.Error:
            error = MALFORMED
        if error or lines.escaped:
            end = lines.offset
            left = leave_doubtful(lines, delimiter)
            if error or lines.offset != end:
                yield Row(start, None, None, None, error or MALFORMED, lines=left)
                continue
        if not fields:
            continue  # an empty line
        if lines.offset - start > MAX_FIELD and max(map(len, fields)) > MAX_FIELD:
            error = MALFORMED
        elif len(fields) != number:
            error = WRONG_FIELDS
        if error:
            yield Row(start, None, None, None, error, lines=left or lines.taken)
            continue
        yield Row(
            start,
            None if id_at is None else fields[id_at],
            fields[password_at].encode("utf-8", "surrogateescape"),
            None if hash_at is None else fields[hash_at].encode("utf-8", "surrogateescape"),
            None,
            tuple(fields[i] for i in keep) if keep else (),
        )
