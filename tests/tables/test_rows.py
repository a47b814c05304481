"""Rows of tables: their bytes, where they begin, and their errors."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import tracemalloc
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, BinaryIO, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bcrypt_batch.tables.kinds import InvalidTable
from bcrypt_batch.tables.layout import Layout
from bcrypt_batch.tables.lines import MAX_RECORD_BYTES, Lines
from bcrypt_batch.tables.reading import read_layout, read_rows
from bcrypt_batch.tables.rows import Columns, Reading, Row
from bcrypt_batch.tables.source import source
from tests.examples import examples
from tests.tables.samples import AWKWARD, User, as_csv, users


def read(
    content: bytes, form: str = "csv", columns: Columns | None = None, delimiter: str = ","
) -> tuple[Layout | None, list[Row]]:
    columns = columns or Columns()
    reading = Reading(form, columns, delimiter, "csv" if form == "csv" else None)
    lines, _, layout = read_layout(io.BytesIO(content), reading)
    return layout, list(read_rows(lines, reading, layout))


def passwords(content: bytes, form: str = "csv", **options: str) -> list[bytes | None]:
    return [row.password for row in read(content, form, **options)[1]]  # type: ignore[arg-type]


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_awkward_passwords_are_the_bytes_of_the_file(
    newline: bytes, mark: bytes, delimiter: str
) -> None:
    rows = [User(f"u{i}", password) for i, password in enumerate(AWKWARD)]
    content = mark + as_csv(rows, newline, delimiter.encode())
    _, found = read(content, delimiter=delimiter)
    assert [row.password for row in found] == AWKWARD
    assert all(content[row.start :].startswith(row.id.encode()) for row in found)
    assert [row.id for row in found] == [user.id for user in rows]
    assert not any(row.error for row in found)


def test_the_last_line_needs_no_end() -> None:
    assert passwords(b"id,password\nu,a\nv,b") == [b"a", b"b"]
    assert passwords(b"a\r\n\nb", "lines") == [b"a", b"", b"b"]
    assert passwords(b"a\r\r\nb\r", "lines") == [b"a\r", b"b\r"]
    assert passwords(b'{"password": "a"}\n\n{"password": "b"}', "jsonl") == [b"a", b"b"]


@pytest.mark.parametrize(
    ("row", "error"),
    [
        (b'u,"closed"x', "malformed_row"),
        (b"u,a\rb", "malformed_row"),
        (b"u,a,b", "wrong_number_of_fields"),
        (b"u", "wrong_number_of_fields"),
        (b"u," + b"x" * 200_000, "malformed_row"),  # above the reader's limit of a field
        (b'u,"' + b"x" * 200_000 + b'"', "malformed_row"),
        (b"u," + b"x" * (MAX_RECORD_BYTES + 5), "row_too_long"),
    ],
)
@pytest.mark.parametrize("after", [b'w,"b c"\n', b"w,b c\n" * 30_000])
def test_a_row_that_cannot_be_read_spoils_no_other(row: bytes, error: str, after: bytes) -> None:
    content = b"id,password\nv,a\n" + row + b"\n" + after
    _, found = read(content)
    number = after.count(b"\n")
    assert [one.password for one in found] == [b"a", None] + [b"b c"] * number
    assert [one.error for one in found] == [None, error] + [None] * number
    assert content[found[1].start :].startswith(row)


@pytest.mark.parametrize(("form", "a"), [("jsonl", b'{"password": "a"}'), ("lines", b"a")])
def test_a_line_that_is_too_long_is_a_row_in_error(form: str, a: bytes) -> None:
    long = b"x" * (MAX_RECORD_BYTES + 5)
    _, found = read(b"\n".join([a, long, a, long]), form)
    assert [row.password for row in found] == [b"a", None, b"a", None]
    assert [row.error for row in found] == [None, "row_too_long"] * 2


def test_empty_lines_of_a_csv_are_no_rows() -> None:
    assert passwords(b"\n\nid,password\n\nu,a\n\r\n\nv,b\n\n") == [b"a", b"b"]


def test_many_unclosed_quotes_take_no_quadratic_time() -> None:
    content = b"id,password\n" + b'u,"a\n' * 50_000
    assert {row.error for row in read(content)[1]} == {"malformed_row"}


def test_lines_that_each_leave_a_quote_open_take_no_quadratic_time() -> None:
    """Until a line shows the error: neither a delimiter nor the row's end follows a quote."""
    content = b"id,password\n" + (b'a","\n' * 50_000 + b'a"b\n') * 3
    found = read(content)[1]
    assert {row.error for row in found} == {"malformed_row"}
    assert sum(row.lines for row in found) == 150_003


class Pipe(io.BytesIO):
    """An input that can be read only once."""

    def seekable(self) -> bool:
        return False


# Looks like a row. Long, because each line takes time, and only the number of bytes matters here.
WORDS = b"admin,%b\n" % (b"word" * 30)
LAYOUT = Layout(2, 1, 0, None, (), 0)


@pytest.mark.parametrize("size", [140_000, MAX_RECORD_BYTES - 50, MAX_RECORD_BYTES * 2])
@pytest.mark.parametrize(
    "row",
    [
        b'u,"WORDS"',
        b'u,"WORDS"""',
        b'u,"WORDS","WORDS"',
        b'u,a"x,"WORDS"',
        b'u,"LONG\nWORDS"',
        b'LONG,"WORDS"',
    ],
)
def test_what_is_in_a_long_quoted_field_is_no_row(size: int, row: bytes) -> None:
    row = row.replace(b"WORDS", WORDS * (size // len(WORDS))).replace(b"LONG", b"x" * size)
    content = b"id,password\n" + row + b'\nv,a\nw,"b\n"\n'
    for file in (io.BytesIO(content), Pipe(content)):
        lines, _, layout = read_layout(file, Reading())
        long, *others = read_rows(lines, Reading(), layout)
        assert long.error in ("malformed_row", "row_too_long", "wrong_number_of_fields")
        assert long.lines == row.count(b"\n") + 1
        assert [(row.id, row.password) for row in others] == [("v", b"a"), ("w", b"b\n")]


@pytest.mark.parametrize(
    ("after", "lines"),
    [
        (b"w,b c\n" * 100, 101),
        (b"w,b c%b\n" % (b"d" * 94) * 12_000, 12_001),
        (b'w,""""\n' * 100, 101),
        (b"w,b c\n" * 100 + b'w,"b c"\n', 102),
        (b"w,b c%b\n" % (b"d" * 94) * 12_000 + b'w,"b c"\n', 12_002),
    ],
)
def test_what_follows_an_open_quote_is_one_row(after: bytes, lines: int) -> None:
    """The file may have been cut off within a field, or a quote that looks open may close it."""
    content = b'id,password\nu,"open\n' + after
    for file in (io.BytesIO(content + b"x,d\n"), Pipe(content + b"x,d\n")):
        found = list(read_rows(Lines(file), Reading(), LAYOUT))[1:]
        closed = after.endswith(b'c"\n')
        assert found[0].error == ("malformed_row" if len(after) < 1 << 20 else "row_too_long")
        assert found[0].lines == lines + (not closed)
        assert [row.id for row in found[1:]] == ["x"] * closed


def test_a_quote_that_stays_open_takes_bounded_memory() -> None:
    content = b'id,password\nu,"\n' + (b"x" * 1000 + b'","\n') * 10_000
    for file in (io.BytesIO(content), Pipe(content)):
        tracemalloc.start()
        lines, _, layout = read_layout(file, Reading())
        found = list(read_rows(lines, Reading(), layout))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert [(row.error, row.lines) for row in found] == [("row_too_long", 10_001)]
        assert peak < 8 * MAX_RECORD_BYTES


def test_json_lines() -> None:
    content = (
        b'{"id": 7, "password": "a\\u0000\\u00e9"}\n{"password": null}\n{"password": 5}\n[1]\n'
        b'nonsense\n{"password": "\\ud800"}\n{"password": "caf\xe9", "id": "x"}\n'
        b'{"id": {}, "password": "a"}\n{"id": NaN, "password": "a"}\n' + b"[" * 100_000 + b"\n"
    )
    _, found = read(content, "jsonl")
    assert [(row.id, row.password, row.error) for row in found] == [
        (7, b"a\0\xc3\xa9", None),
        (None, None, None),
        (None, None, "wrong_type"),
        (None, None, "wrong_type"),
        (None, None, "malformed_row"),
        (None, None, "malformed_row"),
        ("x", b"caf\xe9", None),
        (None, None, "wrong_type"),
        (None, None, "malformed_row"),
        (None, None, "malformed_row"),
    ]


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (b"1e999", "malformed_row"),
        (b"[-1e999]", "malformed_row"),
        (b"1.5e3", None),
        (b"[" * 64 + b"]" * 64, None),
        (b'{"a":' * 64 + b"1" + b"}" * 64, None),
        (b"[" * 65 + b"]" * 65, "malformed_row"),
        (b'{"a": [' * 33 + b"]}" * 33, "malformed_row"),
        (b"[" * 985 + b"]" * 985, "malformed_row"),
    ],
)
def test_kept_values_can_be_written(value: bytes, error: str | None) -> None:
    content = b'{"password": "a", "x": %b}\n{"password": "b", "x": 1}\n' % value
    first, second = read(content, "jsonl", Columns(keep=("x",)))[1]
    assert (first.error, second.password) == (error, b"b")
    assert first.error or first.kept == (json.loads(value),)


FIELD = st.binary(max_size=12).filter(lambda field: b"\r" not in field)
PIECES = st.sampled_from(
    [b",", b'"', b'""', b"\n", b"\r\n", b"\r", b"\\", b"a", b"\xff", b"\0", b'"x\ny"', b"b,c\n"]
)


@settings(max_examples=examples(100))
@given(st.lists(PIECES, max_size=40).map(b"".join), st.sampled_from([9, 16, MAX_RECORD_BYTES]))
def test_a_piece_between_rows_has_the_same_rows(text: bytes, limit: int) -> None:
    """Whatever the bytes: a chunk's function finds as many rows as Plan counts."""
    content = b"id,password\n" + text
    layout, _ = read(content)
    lines = Lines(io.BytesIO(text), 12, limit)
    whole = list(read_rows(lines, Reading(), layout))
    starts = [row.start for row in whole] + [len(content)]
    assert all(a < b for a, b in pairwise(starts))
    for first in range(len(whole)):
        for last in (first + 1, len(whole)):
            piece = io.BytesIO(content[starts[first] : starts[last]])
            lines = Lines(piece, starts[first], limit)
            again = list(read_rows(lines, Reading(), layout))
            assert again == whole[first:last]


@settings(max_examples=examples(100))
@given(st.lists(st.tuples(st.text("ab", max_size=3), FIELD), max_size=20))
def test_what_csv_writes_is_read(rows: list[tuple[str, bytes]]) -> None:
    content = as_csv([User(name, password) for name, password in rows])
    assert [(row.id, row.password) for row in read(content)[1]] == rows


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(b"id,password\n", mtime=0), "gzip"),
        ("id,password\n".encode("utf-16"), "UTF-16"),
        ("id,password\n".encode("utf-16-le"), "UTF-16"),
        ("id,password\n".encode("utf-16-be"), "UTF-16"),
        ("id,password\n".encode("utf-32"), "UTF-32"),
        (b"PK\x03\x04" + bytes(60), "spreadsheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(60), "spreadsheet"),
        (b"PAR1" + bytes(60), "Parquet, which the command line reads by --format parquet"),
        (bz2.compress(b"id,password\n"), "bzip2"),
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"s3cret\nother\n", "no column 'password'; --password-column names it"),
        (b"password,password\n", "more than one column 'password'"),
        (b'"s3cret', "isn't a CSV header"),
        (b"x" * (MAX_RECORD_BYTES + 1), "isn't a CSV header"),
    ],
)
def test_what_is_no_table_is_named_and_not_quoted(content: bytes, message: str) -> None:
    with pytest.raises(InvalidTable, match=message) as raised:
        read(content)
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("first", [b"PAR1S2024", b"PAR1", b"BZhang1", b"BZh91", b"PAR1\tx"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_password_that_begins_as_a_known_file_does(first: bytes, end: bytes) -> None:
    assert passwords(first + end + b"a" + end, "lines") == [first, b"a"]


ANY = Reading(None, Columns(), None)


def test_names_tell_formats() -> None:
    found = [source(name, ANY).reading for name in ("a.CSV", "b.ndjson", "c.json", "d.TSV")]
    assert [(one.form, one.delimiter) for one in found] == [
        ("csv", ","), ("jsonl", ","), ("json", ","), ("csv", "\t"),
    ]  # fmt: skip
    assert source("users.dat", ANY).reading == ANY
    with pytest.raises(InvalidTable, match="one of csv, jsonl, json, lines, not 'tsv'"):
        read(b"a", "tsv")


def test_columns_by_name() -> None:
    content = b"a,b,c,d\n1,2,3,4\n"
    columns = Columns("b", "d", "c", ("a",))
    (row,) = read(content, columns=columns)[1]
    assert (row.password, row.id, row.hash, row.kept) == (b"2", "4", b"3", ("1",))
    with pytest.raises(InvalidTable, match="--id-column names another"):
        read(content, columns=Columns("b", "id"))


def test_a_long_table_is_read_bit_by_bit() -> None:
    class Endless(io.RawIOBase):
        read_bytes = 0

        def readable(self) -> bool:
            return True

        def readinto(self, target: Any) -> int:
            self.read_bytes += len(target)
            target[:] = (b"u,password\n" * len(target))[: len(target)]
            return len(target)

    source = Endless()
    lines = Lines(cast(BinaryIO, io.BufferedReader(source)))
    rows: Iterator[Row] = read_rows(lines, Reading("lines"))
    for _ in range(10_000):
        next(rows)
    assert source.read_bytes < 1_000_000


def test_the_samples_have_what_they_promise() -> None:
    kinds = {user.error for user in users(2000)}
    assert kinds == {None, "missing_password", "password_too_long", "wrong_number_of_fields"}
