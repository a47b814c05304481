"""Tables in another encoding: what is hashed is UTF-8."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

import bcrypt_batch
from bcrypt_batch.tables.cli import main
from bcrypt_batch.tables.kinds import InvalidColumns, InvalidTable, known_encoding
from bcrypt_batch.tables.reading import read_layout, read_rows
from bcrypt_batch.tables.rows import Columns, Reading, Row
from bulk.start import parse
from fields import InvalidEvent


def read(content: bytes, reading: Reading) -> list[Row]:
    lines, _, layout = read_layout(io.BytesIO(content), reading)
    return list(read_rows(lines, reading, layout))


@pytest.mark.parametrize("encoding", ["cp1252", "shift_jis", "gbk", "utf-8", "iso8859-15"])
@pytest.mark.parametrize("form", ["csv", "jsonl", "lines", "postgres", "mysql"])
def test_passwords_are_utf8_of_the_text(form: str, encoding: str) -> None:
    r"""In Shift JIS the second byte of "\u8868" is a backslash, in GBK that of "\u8a96"."""
    word = {"shift_jis": "\u8868", "gbk": "\u8a96\u4e02"}.get(encoding, "\u00fc\u20ac")
    texts = [word, f'"{word}', "plain", f"{word}\\"]
    content = {
        "csv": "id,password\n" + "".join('u,"{}"\n'.format(t.replace('"', '""')) for t in texts),
        "jsonl": "".join(
            json.dumps({"id": "u", "password": text}, ensure_ascii=False) + "\n" for text in texts
        ),
        "lines": "".join(f"{text}\n" for text in texts),
    }.get(form) or "id\tpassword\n" + "".join(
        "u\t" + text.replace("\\", "\\\\") + "\n" for text in texts
    )
    dialect, delimiter = (None, ",") if form in ("csv", "jsonl", "lines") else (form, "\t")
    reading = Reading("csv" if dialect else form, Columns(), delimiter, dialect, None, encoding)
    rows = read(content.encode(encoding), reading)
    assert [row.error or row.password for row in rows] == [text.encode() for text in texts]


def test_half_a_character_is_no_backslash() -> None:
    """A quote after a backslash raises doubt about where the next row begins."""
    text = 'id,password\nu,"\n\u8868"\nv,a\nw,",\n"\n'
    found = read(text.encode("shift_jis"), Reading(encoding="shift_jis"))
    assert [row.error or row.password for row in found] == ["\n\u8868".encode(), b"a", b",\n"]


@pytest.mark.parametrize("form", ["csv", "jsonl", "lines", "postgres", "mysql"])
@pytest.mark.parametrize(("encoding", "wrong"), [("cp1252", b"\x81"), ("utf-8", b"\xe9")])
def test_what_is_not_of_the_encoding_is_an_error_of_its_row(
    form: str, encoding: str, wrong: bytes
) -> None:
    header, row = {
        "csv": (b"id,password\n", b'u,"%b"\n'),
        "jsonl": (b"", b'{"password": "%b"}\n'),
        "lines": (b"", b"%b\n"),
    }.get(form, (b"id\tpassword\n", b"u\t%b\n"))
    dialect, delimiter = (None, ",") if form in ("csv", "jsonl", "lines") else (form, "\t")
    reading = Reading("csv" if dialect else form, Columns(), delimiter, dialect, None, encoding)
    found = read(header + row % b"a" + row % wrong + row % b"b", reading)
    assert [one.error or one.password for one in found] == [b"a", "wrong_encoding", b"b"]
    if form in ("csv", "mysql"):  # of several lines
        several = {"csv": b"x\n" + wrong + b"\ny", "mysql": b"x\\\n" + wrong + b"\\\ny"}[form]
        found = read(header + row % b"a" + row % several + row % b"b", reading)
        assert [(one.error or one.password, one.lines) for one in found] == [
            (b"a", 1), ("wrong_encoding", 3), (b"b", 1),
        ]  # fmt: skip


def test_codes_of_postgres_are_bytes_of_the_encoding() -> None:
    content = b"password\n\\xfc\\374\n\\x81\nb\n"
    reading = Reading("csv", Columns(), "\t", "postgres", None, "cp1252")
    found = [row.error or row.password for row in read(content, reading)]
    assert found == ["\u00fc\u00fc".encode(), "wrong_encoding", b"b"]


@pytest.mark.parametrize(
    "name", ["utf-16", "utf-7", "cp037", "unicode_escape", "iso2022_jp", "hz", "rot13", "x", "a\0"]
)
def test_encodings_without_the_characters_of_ascii_are_refused(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["hash", "users.csv", "--encoding", name])
    assert "--encoding: must be an encoding in which ASCII's" in capsys.readouterr().err
    table = {"bucket": "b", "key": "in/users.csv", "encoding": name}
    output = {"bucket": "b", "prefix": "runs/r/"}
    with pytest.raises(InvalidEvent, match=r"input\.encoding must be an encoding"):
        parse({"operation": "hash", "input": table, "output": output})


def test_names_of_encodings() -> None:
    assert known_encoding("Windows-1252") == known_encoding("CP1252") == "cp1252"
    assert known_encoding("UTF8") == known_encoding("utf-8-sig") == "utf-8"


def test_a_mark_of_utf8_is_no_mark_of_another() -> None:
    content = b"\xef\xbb\xbfid,password\nu,a\n"
    with pytest.raises(InvalidTable, match="mark of UTF-8: leave out --encoding cp1252"):
        read(content, Reading(encoding="cp1252"))
    assert [row.password for row in read(content, Reading(encoding="utf-8"))] == [b"a"]
    with pytest.raises(InvalidColumns, match="doesn't go with format 'parquet'"):
        Reading("parquet", encoding="cp1252").completed("users.parquet")


def test_the_option(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (table := tmp_path / "users.csv").write_bytes(b"id,password,mail\nu,\xfc,\xe4\n")
    assert main(["hash", str(table), "-c", "4", "--encoding", "Windows-1252", "-k", "mail"]) == 0
    result = json.loads(capfd.readouterr().out)
    assert result["mail"] == "\u00e4"
    assert bcrypt_batch.checkpw("\u00fc".encode(), result["hash"].encode())
