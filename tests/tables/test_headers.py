"""Headers of CSV: repeated ones, Excel's first line, and what the messages name."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from bcrypt_batch.tables.cli import main
from bcrypt_batch.tables.kinds import InvalidTable, NoSuchColumn
from bcrypt_batch.tables.reading import read_layout, read_rows
from bcrypt_batch.tables.rows import Reading, Row


def read(content: bytes, **options: Any) -> list[Row]:
    lines, reading, layout = read_layout(io.BytesIO(content), Reading(**options))
    return list(read_rows(lines, reading, layout))


@pytest.mark.parametrize("dialect", ["csv", "postgres", "mysql"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_repeated_header_is_an_error_of_its_row(dialect: str, mark: bytes) -> None:
    """As `cat a.csv b.csv` leaves it."""
    one = mark + b"id\tpassword\tmail\nu\tpassword\tx\n"
    rows = read(one + one, delimiter="\t", dialect=dialect)
    assert [row.error or row.id for row in rows] == ["u", "repeated_header", "u"]


@pytest.mark.parametrize("names", [b'"id","password"', b'"password","id"'])
def test_a_header_in_quotes_after_a_mark_is_repeated_too(names: bytes) -> None:
    """The quotes are part of the field: they aren't at its beginning."""
    one = b"\xef\xbb\xbf" + names + b"\nu,u\n"
    assert [row.error or row.id for row in read(one + one)] == ["u", "repeated_header", "u"]
    (row,) = read(names + b'\n"\xef\xbb\xbf""x""","""id"""\n')
    assert row.error is None


def test_what_only_resembles_a_header_is_a_row() -> None:
    rows = read(b"id,password\nid,passwords\nx,password\nid,password,\n")
    assert [row.error or row.id for row in rows] == ["id", "x", "wrong_number_of_fields"]
    rows = read(b"password\npassword\n")  # a popular password
    assert [row.error or row.password for row in rows] == [b"password"]


@pytest.mark.parametrize("delimiter", [";", "\t", ","])
@pytest.mark.parametrize("name", ["users.csv", "-"])
def test_the_first_line_of_excel_names_the_delimiter(
    delimiter: str, name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    content = "sep=;\r\nid;password\r\nx;sep=\r\n".replace(";", delimiter)
    (tmp_path / "users.csv").write_text(content, newline="")
    with (tmp_path / "users.csv").open() as file:
        if name == "-":
            monkeypatch.setattr("bcrypt_batch.tables.inputs.STDIN", file.fileno())
        assert main(["hash", name, "-c", "4", "--delimiter", ","]) == 0
    shown, said = capfd.readouterr()
    assert json.loads(shown)["id"] == "x"
    if delimiter == ";" and name != "-":
        assert "is read with the delimiter ';', which its first line names" in said


def test_a_wrong_delimiter_is_named() -> None:
    with pytest.raises(NoSuchColumn) as refused:
        read(b"Kennung;Kennwort;Mail\n1;s3cret;x\n")
    assert str(refused.value) == (
        "the header has no column 'password'; with --delimiter ';' it has 3 columns, and "
        "--password-column chooses one"
    )
    assert refused.value.unnamed == (
        "the header has no column of the name in input.password_column; with the delimiter ';' "
        "it has 3 columns"
    )


@pytest.mark.parametrize("name", ["Password", "PASSWORD", " password"])
def test_a_name_that_differs_in_case_or_blanks_is_named(name: str) -> None:
    with pytest.raises(NoSuchColumn) as refused:
        read(f"id,{name}\n".encode())
    assert str(refused.value) == (
        f"the header has no column 'password'; --password-column {name!r} names the one that "
        "differs in case or blanks only"
    )
    assert name not in refused.value.unnamed


def test_line_ends_of_old_macs_are_named() -> None:
    with pytest.raises(InvalidTable, match="lines end in CR"):
        read(b"id,password\r1,s3cret\r")
