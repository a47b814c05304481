"""Tables of databases: fields without quotes, with backslashes, and what stands for NULL."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from bcrypt_batch.tables import dialects
from bcrypt_batch.tables.cli import main
from bcrypt_batch.tables.kinds import InvalidTable
from bcrypt_batch.tables.lines import MAX_RECORD_BYTES
from bcrypt_batch.tables.reading import read_layout, read_rows
from bcrypt_batch.tables.rows import Columns, Reading, Row
from bulk.start import parse
from fields import InvalidEvent
from tests.tables.programs import hash_of
from tests.tables.samples import read_results


def read(content: bytes, dialect: str | None, **options: Any) -> list[Row]:
    reading = Reading(**{"delimiter": "\t", "dialect": dialect, **options})
    lines, _, layout = read_layout(io.BytesIO(content), reading)
    return list(read_rows(lines, reading, layout))


def passwords(rows: bytes, dialect: str, **options: Any) -> list[bytes | str | None]:
    """Return the password or the error of each row."""
    found = read(b"id\tpassword\n" + rows, dialect, **options)
    return [row.error or row.password for row in found]


@pytest.mark.parametrize(
    ("dialect", "field", "password"),
    [
        ("postgres", rb"a\tb\\c\nd\re\bf\vg\fh", b"a\tb\\c\nd\re\x08f\x0bg\x0ch"),
        ("postgres", rb"\x41\102\x7\303\xa9.\0", b"AB\x07\xc3\xa9.\0"),
        ("postgres", b"a\\\tb\\\nc\\q", b"a\tb\ncq"),
        ("postgres", b'"quoted"', b'"quoted"'),
        ("postgres", rb"\N", None),
        ("postgres", rb"\\N", b"\\N"),
        ("postgres", b"NULL", b"NULL"),
        ("postgres", b"a\rb", "malformed_row"),
        ("postgres", b"a\r", b"a"),
        ("mysql", b"a\\\tb\\\\c\\\nd\re\\0\\Z\\q", b"a\tb\\c\nd\re\0\x1aq"),
        ("mysql", rb"\x41\102", b"x41102"),
        ("mysql", b"a\r", b"a\r"),
        ("mysql", rb"\N", None),
        ("mysql", rb"\\N", b"\\N"),
        ("mysql", b"NULL", None),
        ("mysql", b"\\NULL", b"NULL"),
        ("mysql", b"\\.", b"."),
    ],
)
def test_what_a_backslash_means(dialect: str, field: bytes, password: bytes | str | None) -> None:
    more = [b"before", password, b"after"]
    assert passwords(b"t\tbefore\nu\t" + field + b"\nv\tafter\n", dialect) == more
    assert passwords(b"t\tbefore\nu\t" + field + b"\nv\tafter", dialect) == more


def test_a_field_of_many_delimiters_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's text of a megabyte of tabs took 20 seconds."""
    looked = []
    plain = dialects._ends_plain

    def counted(text: str) -> bool:
        looked.append(len(text))
        return plain(text)

    monkeypatch.setattr(dialects, "_ends_plain", counted)
    field = b"\\\t" * 2000
    assert passwords(b"t\t" + field + b"x\n", "mysql") == [b"\t" * 2000 + b"x"]
    assert sum(looked) < 3 * len(field)


def test_a_header_with_lone_crs() -> None:
    with pytest.raises(InvalidTable, match="the lines end in CR, as on old Macs"):
        read(b"id\tpassword\r1\ta\r", "postgres")


def test_the_end_of_a_file() -> None:
    assert passwords(b"u\ta\n\\.\n", "postgres") == [b"a"]
    assert passwords(b"u\ta\n\\.\nv\tb\n", "postgres") == [b"a", b"b"]
    assert passwords(b"u\ta\n\nv\tcut\\", "postgres") == [b"a", "malformed_row"]
    assert passwords(b"u\ta\nv\tcut\\\n", "mysql") == [b"a", "malformed_row"]
    assert [row.password for row in read(b"password\n\na\n", "mysql")] == [b"", b"a"]
    with pytest.raises(InvalidTable, match="empty"):
        read(b"", "mysql")


def test_a_record_ends_as_the_header_does() -> None:
    content = b"id\tpassword\r\nu\ta\nadmin\tknown\r\nv\tb\\\r\r\nw\tc\r\n"
    rows = read(content, "mysql")
    assert [(row.id, row.error or row.password) for row in rows] == [
        (None, "wrong_number_of_fields"), ("v", b"b\r"), ("w", b"c"),
    ]  # fmt: skip
    assert rows[0].lines == 2


@pytest.mark.parametrize("dialect", ["postgres", "mysql"])
@pytest.mark.parametrize("size", [10, MAX_RECORD_BYTES])
def test_a_row_in_error_spoils_no_other(dialect: str, size: int) -> None:
    long = b"x" * size
    content = b"u\ta\tb\\\n" + long + b"\\\n\\\\\nv\tgood\n" + long + b"\nw\tc\n"
    rows = read(b"id\tpassword\n" + content, dialect)
    error = "wrong_number_of_fields" if size == 10 else "row_too_long"
    assert [(row.id, row.error, row.lines) for row in rows] == [
        (None, error, 3), ("v", None, 1), (None, error, 1), ("w", None, 1),
    ]  # fmt: skip


@pytest.mark.parametrize("dialect", ["postgres", "mysql"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("before", [b"u\t", b"u\tx"])
def test_a_long_row_of_backslashes_spoils_no_other(dialect: str, end: bytes, before: bytes) -> None:
    """Only an odd number of them escapes the line's end."""
    long = before + b"\\" * (MAX_RECORD_BYTES + 2)
    content = long + end + b"v\tgood" + end + long + b"\\" + end + b"end" + end + b"w\tc" + end
    rows = read(b"id\tpassword" + end + content, dialect)
    found = [(row.id, row.lines) for row in rows if row.id or row.error == "row_too_long"]
    escaped = 1 if (dialect, end) == ("postgres", b"\r\n") else 2  # there the CR is escaped
    assert found == [(None, 1), ("v", 1), (None, escaped), ("w", 1)]


@pytest.mark.parametrize("form", ["csv", "jsonl", "lines"])
def test_nulls_that_are_asked_for(form: str, tmp_path: Path) -> None:
    texts = ["NULL", "none", "\\N", "null"]
    content = {
        "csv": "id,password\n" + "".join(f"NULL,{text}\n" for text in texts),
        "jsonl": "".join(json.dumps({"id": "NULL", "password": text}) + "\n" for text in texts),
        "lines": "".join(f"{text}\n" for text in texts),
    }[form]
    (table := tmp_path / "users").write_text(content)
    output = tmp_path / "hashed.jsonl"
    assert hash_of(table, output, "--format", form, "--null", "NULL", "--null", "\\N") == 1
    found = read_results(output)
    assert [result.get("error") for result in found] == [
        "missing_password", None, "missing_password", None
    ]  # fmt: skip
    assert {result.get("id", "NULL") for result in found} == {"NULL"}  # ids stay


@pytest.mark.parametrize("dialect", ["postgres", "mysql"])
def test_nulls_of_other_columns(dialect: str) -> None:
    """NULL is null in all columns; texts that are missing passwords are texts elsewhere."""
    content = b"id\tpassword\thash\tmail\n\\N\t\\N\t\\N\t\\N\nNULL\tNULL\tNULL\tNULL\n"
    columns = Columns(hash="hash", keep=("mail",))
    null, text = read(content, dialect, columns=columns, nulls=("NULL",))
    assert (null.id, null.password, null.hash, null.kept) == (None, None, None, (None,))
    assert (text.id, text.password, text.hash, text.kept) == ("NULL", None, None, ("NULL",))


SWALLOWED = b'id\tpassword\n1\ta\n2\t"x\n3\ty"\n4\tb\n'


def test_quotes_that_may_swallow_rows_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (table := tmp_path / "users.tsv").write_bytes(SWALLOWED)
    output = tmp_path / "hashed.jsonl"
    assert hash_of(table, output) == 2
    assert "--dialect postgres or mysql" in capsys.readouterr().err
    assert not output.exists()
    assert hash_of(table, output, "--dialect", "postgres") == 0
    assert [result["id"] for result in read_results(output)] == ["1", "2", "3", "4"]
    assert hash_of(table, output, "--resume", "--dialect", "mysql") == 2
    assert "made with dialect 'postgres', not 'mysql'" in capsys.readouterr().err
    assert hash_of(table, output, "--force", "--dialect", "csv") == 0
    assert [result["id"] for result in read_results(output)] == ["1", "2", "4"]


@pytest.mark.parametrize("row", [b'2\t"x\n3\ty"\n', b'2\t"x\n3\ty"z\n', b'2\t"x\n3\ty\n'])
@pytest.mark.parametrize("delimiter", ["\t", "|"])
def test_quotes_are_refused_wherever_they_are(delimiter: str, row: bytes) -> None:
    """mysql and COPY write tabs; psql --no-align and sqlite3 write bars."""
    content = b"id\tpassword\n" + b"1\ta\n" * 2000 + row + b'4\t"b"\n'
    content = content.replace(b"\t", delimiter.encode())
    with pytest.raises(InvalidTable, match=r"--dialect postgres or mysql .* psql --csv"):
        read(content, None, delimiter=delimiter)
    assert read(content, "csv", delimiter=delimiter)[2000].lines in (1, 2, 3)
    assert len(read(content.replace(delimiter.encode(), b","), None, delimiter=",")) > 2000


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--dialect", "mysql", "--format", "jsonl"], "--dialect doesn't go with format 'jsonl'"),
        (["--dialect", "mysql", "--delimiter", "n"], "--delimiter can't be that character"),
    ],
)
def test_what_does_not_go_together(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["hash", "users.tsv", *options]) == 2
    assert said in capsys.readouterr().err
    table = {name.removeprefix("--"): text for name, text in zip(*2 * [iter(options)], strict=True)}
    place = {"bucket": "b", "key": "in/users.tsv"}
    output = {"bucket": "b", "prefix": "runs/r/"}
    with pytest.raises(InvalidEvent, match=said.replace("--", "input.").split(" in ")[0]):
        parse({"operation": "hash", "input": {**place, **table}, "output": output})


@pytest.mark.parametrize("name", ["users.tsv", "users"])
def test_what_is_assumed_is_said(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    delimiter = "\t" if name.endswith(".tsv") else "|"
    (table := tmp_path / name).write_text(f"id{delimiter}password\n1{delimiter}a\n")
    said = f"bcrypt-batch: {table} is read as CSV, whose fields can be in quotes; --dialect"
    for options, times in (([], 1), (["--dialect", "csv"], 0), (["--dialect", "mysql"], 0)):
        assert main(["hash", str(table), "-c", "4", "-d", delimiter, *options]) == 0
        assert capsys.readouterr().err.count(said) == times
