"""The command line itself: defaults, help, messages about a wrong word or an unlike file."""

from __future__ import annotations

import gzip
import io
import json
import shlex
from pathlib import Path

import pytest

from bcrypt_batch.tables.cli import main, parser
from bcrypt_batch.tables.kinds import NoSuchColumn
from bcrypt_batch.tables.reading import read_layout
from bcrypt_batch.tables.rows import Reading
from tests.tables.programs import run

COMMANDS = ("", "hash", "verify", "inspect", "export", "info", "bulk", "serve")


def hashed(content: bytes, *options: str) -> tuple[int, list[dict[str, object]], str]:
    """Hash standard input to standard output; return status, results and messages."""
    done = run("hash", "-", "--cost", "4", *options, stdin=content)
    return done.returncode, [*map(json.loads, done.stdout.splitlines())], done.stderr.decode()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"id,password\nu,p\n", "csv with the delimiter ','"),
        (b"\xef\xbb\xbfid;password\nu;p\n", "csv with the delimiter ';'"),
        (b'id\t"password"\r\nu\tp\r\n', "csv with the delimiter 'tab'"),
        (b'{"id": "u", "password": "p"}\n', "jsonl"),
    ],
)
def test_the_first_line_tells_the_format(content: bytes, told: str) -> None:
    status, results, said = hashed(content)
    assert status == 0
    assert [result["id"] for result in results] == ["u"]
    assert f"bcrypt-batch: standard input looks like {told}; --format says otherwise\n" in said


@pytest.mark.parametrize("content", [b"", b"secret\nother\n", b"password\np\n", b"a,b\nc,d\n"])
def test_a_first_line_that_tells_no_format(content: bytes) -> None:
    """A single word may be a header, or the first password of a list."""
    status, results, said = hashed(content)
    assert (status, results) == (2, [])
    assert "can't tell the format of standard input" in said
    assert "--format csv" in said
    assert "secret" not in said


@pytest.mark.parametrize("row", [b"1\tsecret\n", b'"secret"\n', b"id,login\n"])
def test_a_table_named_txt_is_not_lines(row: bytes, tmp_path: Path) -> None:
    """Excel and mysqldump --tab name their tables so."""
    (file := tmp_path / "users.txt").write_bytes(b"id\tpassword\n" + row)
    assert b"looks like csv with the delimiter 'tab'" in run("hash", file, "-c", "4").stderr
    file.write_bytes(row)
    done = run("hash", file, "-c", "4")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"or --format lines for a password a line" in done.stderr


def test_what_is_asked_for_is_not_detected(tmp_path: Path) -> None:
    status, results, said = hashed(b"id,password\n", "--format", "lines")
    assert (status, len(results)) == (0, 1)
    assert "looks like" not in said
    (file := tmp_path / "users.dat").write_bytes(b"id|password\nu|p\n")
    done = run("hash", file, "-c", "4", "-o", tmp_path / "o", "-d", "|")
    assert done.returncode == 0
    assert b"users.dat looks like csv with the delimiter '|'" in done.stderr
    assert run("hash", file, "-c", "4", "-q").stderr == b""


@pytest.mark.parametrize(
    ("header", "delimiter", "shown"), [("id;password", ",", ";"), ("id\tpassword", ";", "tab")]
)
def test_a_header_names_the_likely_delimiter(header: str, delimiter: str, shown: str) -> None:
    with pytest.raises(NoSuchColumn) as refused:
        read_layout(io.BytesIO(f"{header}\n".encode()), Reading(delimiter=delimiter))
    assert f"no column 'password'; it has one with --delimiter {shown!r}" in str(refused.value)
    assert f"it has one with the delimiter {shown!r}" in refused.value.unnamed


def test_a_header_names_the_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (file := tmp_path / "pairs.csv").write_bytes(b"password,stored\n")
    assert main(["verify", str(file)]) == 2
    assert "no column 'hash'; --hash-column names another" in capsys.readouterr().err
    file.write_bytes(b"pw,stored\n")
    assert main(["verify", str(file)]) == 2
    assert "--password-column names it; --format lines" in capsys.readouterr().err


def test_what_is_no_table_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packed = tmp_path / "users.csv.gz"
    packed.write_bytes(gzip.compress(b"id,password\nu,p\n"))
    assert main(["hash", str(packed)]) == 2
    assert "the file is gzip; unpack it first" in capsys.readouterr().err
    for name in ("folder", "folder.csv", "folder.parquet"):
        (folder := tmp_path / name).mkdir()
        assert main(["hash", str(folder)]) == 2
        assert f"{folder} is a folder, and a table is a file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["hsah"], "did you mean hash?"),
        (["hash", "users.csv", "--colst", "4"], "did you mean --cost?"),
        (["hash", "users.csv", "--format", "jsnl"], "did you mean jsonl?"),
        (["bulk", "strat"], "did you mean start?"),
        (["hash", "users.csv", "--cost", "40"], "bcrypt-batch hash: argument -c/--cost: must be"),
        (["export", "firebas", "hashed.jsonl"], "did you mean firebase?"),
    ],
)
def test_a_wrong_word_gets_a_line_without_the_usage(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words)
    shown = capsys.readouterr().err
    assert said in shown
    assert "usage:" not in shown
    assert len(shown.splitlines()) == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_each_example_of_a_help_is_a_command_line(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([*command.split(), "--help"])
    shown = capsys.readouterr().out
    lines = [line.split("| ")[-1].strip() for line in shown.splitlines() if line[:2] == "  "]
    examples = [shlex.split(line) for line in lines if line.startswith("bcrypt-batch ")]
    assert examples
    for example in examples:
        if "--help" not in example:
            assert parser().parse_args(example[1:]).command == example[1]


def test_a_shell_can_complete_it() -> None:
    shtab = pytest.importorskip("shtab", reason="shtab is not installed (group tables)")
    for shell in ("bash", "zsh"):
        script = shtab.complete(parser(), shell)
        assert "--max-cost" in script
