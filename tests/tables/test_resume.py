"""How a table is continued, and when that is refused."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import pytest

import bcrypt_batch
from bcrypt_batch.tables.cli import main
from bcrypt_batch.tables.compute import Stretch
from bcrypt_batch.tables.interrupts import Interrupts
from bcrypt_batch.tables.newfiles import OutputRefused
from bcrypt_batch.tables.output import Output, open_output
from tests.tables.programs import start, succeed, wait_for_lines
from tests.tables.samples import User, as_csv, check, users


def test_resume_of_a_finished_table_only_drops_what_was_torn(table: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    options = ("hash", table, "--output", output, "--cost", "4", "--resume")
    succeed(*options, status=1)
    before = output.read_bytes()
    output.write_bytes(before + b'{"row": 300, "id')
    said = succeed(*options, status=1)  # the rows in error are still there
    assert "; 0 in this run" in said
    assert output.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "torn"),
    [
        ("o.jsonl", b'{"row": 0, "i'),
        ("o.csv", b"row,id,ha"),
        ("o.csv", b'row,id,hash,truncated,error\n0,"u'),
    ],
)
def test_resume_of_what_was_torn_in_its_first_line(
    table: Path, tmp_path: Path, name: str, torn: bytes
) -> None:
    output = tmp_path / name
    assert main(arguments(table, output, "--cost", "4")) == 1
    lines = output.read_bytes().splitlines()
    output.write_bytes(torn)
    assert main(arguments(table, output, "--cost", "4")) == 1
    again = output.read_bytes().splitlines()
    assert (len(again), again[0][:9]) == (len(lines), lines[0][:9])


def test_resume_of_a_csv_with_line_ends_in_it(tmp_path: Path) -> None:
    file, output = tmp_path / "users.csv", tmp_path / "o.csv"
    ids = ["a\rb", "c\nd", "\r", "e\r\n"]
    file.write_bytes(as_csv([User(f'"{name}"', b"p") for name in ids]))
    assert main(arguments(file, output, "--cost", "4")) == 0
    with output.open("ab") as torn:
        torn.write(b'4,"')
    assert main(arguments(file, output, "--cost", "4")) == 0
    text = output.read_bytes().decode()
    assert text.startswith("row,id,hash,truncated,error\n")
    records = csv.DictReader(io.StringIO(text, newline=""))
    assert [record["id"] for record in records] == ids


def test_resume_counts_what_lines_say_and_not_what_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = bcrypt_batch.hashpw(b"a", bcrypt_batch.gensalt(4)).decode()
    kept = {"x": 1, "error": "no", "match": False, "truncated": True}
    row = {"password": "a", "hash": made, "kept": kept}
    rows = [row, {**row, "password": "b"}, {**row, "hash": ""}, [], row]
    file, output = tmp_path / "users.jsonl", tmp_path / "o.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = ["verify", str(file), "--output", str(output), "--keep", "kept", "--resume"]
    for now in (5, 0):
        assert main(command) == 1
        said = capsys.readouterr().err
        assert "5 rows: 3 checked, 1 of them not matching, 2 in error" in said
        assert f"; {now} in this run" in said


def test_resume_of_a_csv_with_long_fields(tmp_path: Path) -> None:
    """More characters than the CSV reader allows, more bytes than a row of input may have."""
    file, output = tmp_path / "users.jsonl", tmp_path / "o.csv"
    rows = [{"password": "a", "bio": ["\xe9" * count]} for count in (0, 300_000, 30_000)]
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    limit = csv.field_size_limit()
    assert main(arguments(file, output, "--cost", "4", "--keep", "bio")) == 0
    whole = output.read_bytes()
    output.write_bytes(whole[: whole.rindex(b"\n2,") + 9])
    assert main(arguments(file, output, "--cost", "4", "--keep", "bio")) == 0
    again = output.read_bytes()
    assert len(again) == len(whole) > 1_900_000
    assert again.startswith(whole[: whole.rindex(b"\n2,")])
    assert csv.field_size_limit() == limit


def test_resume_of_what_was_killed_before_it_had_a_state(table: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    output.touch()
    assert main(arguments(table, output, "--cost", "4")) == 1
    check(output.read_bytes().splitlines(), users(300))
    assert sorted(path.name for path in tmp_path.glob("out*")) == ["out.jsonl", "out.jsonl.state"]


def test_resume_takes_the_mode_of_a_new_file(table: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    assert main(arguments(table, output, "--cost", "4")) == 1
    output.chmod(0o644)
    assert main(arguments(table, output, "--cost", "4")) == 1
    assert output.stat().st_mode & 0o777 == 0o600


def refusal(output: Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Run a command that must leave its output unchanged; return its message."""
    before = output.read_bytes()
    assert main(words) == 2
    assert output.read_bytes() == before
    return capsys.readouterr().err


def test_a_damaged_state_is_refused(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert main(arguments(table, output, "--cost", "4")) == 1
    for content in ("{", "[" * 100_000):
        Path(f"{output}.state").write_text(content)
        assert main(arguments(table, output, "--cost", "4")) == 2
        assert f"{output}.state can't be read; --force begins anew" in capsys.readouterr().err


def test_resume_is_not_offered_where_it_is_refused(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pipe can't be recognized as the same input; standard output can't be continued."""
    pipe, output, there = tmp_path / "pipe", tmp_path / "out", tmp_path / "there"
    os.mkfifo(pipe)
    there.touch()
    monkeypatch.setattr("bcrypt_batch.tables.run.compute", lambda *_: Stretch([], False, 1))
    for path, status in ((output, 3), (there, 2)):
        end, other = os.pipe()
        os.write(other, b"password\na\n")
        os.close(other)
        given = ["hash", f"/dev/fd/{end}", "--format", "csv", "--output", str(path)]
        assert main(given) == status
        os.close(end)
    said = capsys.readouterr().err
    assert "incomplete" in said
    assert "exists; use --force" in said
    with open("/dev/full", "wb") as full:
        no_room = succeed("hash", table, "--cost", "4", "--output", "-", stdout=full, status=3)
    assert "standard output: No space left on device; 0 rows are written whole" in no_room
    assert "--resume" not in said + no_room
    said = succeed("hash", pipe, "--format", "csv", "--output", output, "--resume", status=2)
    assert "--resume needs an input and an output that are files" in said


def arguments(table: Path, output: Path, *more: str) -> list[str]:
    return ["hash", str(table), "--output", str(output), "--quiet", "--resume", *more]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--cost", "5"], "made with cost 4, not 5"),
        (["--cost", "4", "--prefix", "2a"], "made with prefix '2b', not '2a'"),
        (["--cost", "4", "--scheme", "django"], "made with scheme None, not 'django'"),
        (["--cost", "4", "--truncate"], "made with truncate None, not True"),
        (["--cost", "4", "--allow-empty"], "made with allow_empty False, not True"),
        (["--cost", "4", "--id-column", "id"], "made with id_column None, not 'id'"),
        (["--cost", "4", "--output-format", "csv"], "made with output_format 'jsonl', not 'csv'"),
        (["--cost", "4", "--delimiter", ";"], "no column"),
    ],
)
def test_other_options_are_refused(
    table: Path, tmp_path: Path, change: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert main(arguments(table, output, "--cost", "4")) == 1
    assert message in refusal(output, capsys, *arguments(table, output, *change))


def test_another_input_is_refused(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert main(arguments(table, output, "--cost", "4")) == 1
    content = table.read_bytes()
    table.write_bytes(content + b"new,row\n")
    assert main(arguments(table, output, "--cost", "4")) == 2
    assert "from another input" in capsys.readouterr().err
    table.write_bytes(content)  # the same size, another time
    assert main(arguments(table, output, "--cost", "4")) == 2


def test_another_file_in_the_output_s_place_is_refused(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert main(arguments(table, output, "--cost", "4")) == 1
    output.write_bytes(b"precious\n" * 3)
    assert main(arguments(table, output, "--cost", "4")) == 2
    assert "one line for each row" in capsys.readouterr().err
    Path(f"{output}.state").unlink()
    assert main(arguments(table, output, "--cost", "4")) == 2
    assert f"{output}.state is missing" in capsys.readouterr().err
    assert output.read_bytes() == b"precious\n" * 3


def test_two_processes_do_not_write_one_file(large: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    with start("hash", large, "--output", output, "--cost", "10") as process:
        wait_for_lines(output, 1, process)
        for option in ("--resume", "--force"):
            said = succeed("hash", large, "--output", output, "--cost", "10", option, status=2)
            assert "another process is writing" in said
        process.kill()


def test_force_takes_the_mode_of_a_new_file(table: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    output.write_bytes(b"x" * 10_000_000)
    output.chmod(0o644)
    status = main(
        ["hash", str(table), "--output", str(output), "--cost", "4", "--force", "--quiet"]
    )
    assert status == 1
    assert output.stat().st_mode & 0o777 == 0o600
    check(output.read_bytes().splitlines(), users(300), matches=False)


def test_the_state_tells_nothing_secret(table: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    assert main(arguments(table, output, "--cost", "4")) == 1
    state = json.loads(Path(f"{output}.state").read_text())
    assert state["input"] == {
        "size": table.stat().st_size, "mtime_ns": table.stat().st_mtime_ns,
    }  # fmt: skip
    assert not any("$2" in str(value) for value in state.values())


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    path = str(tmp_path / "o")

    def opened(*, resume: bool) -> Output:
        return open_output(
            path, {}, form="jsonl", resume=resume, force=False, interrupts=Interrupts()
        )

    first = opened(resume=False)
    with pytest.raises(OutputRefused, match="another process"):
        opened(resume=True)
    first.close()
    opened(resume=True).close()


@pytest.mark.parametrize("name", ["o.jsonl", "o.csv"])
def test_one_line_more_than_rows_is_refused(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The input lost its last row, and its date was set back."""
    file, output = tmp_path / "users.csv", tmp_path / name
    rows = [User(f"u{i}", b"p") for i in range(3)]
    file.write_bytes(as_csv(rows))
    assert main(arguments(file, output, "--cost", "4")) == 0
    before = output.read_bytes()
    state = Path(f"{output}.state")
    file.write_bytes(as_csv(rows[:2]))
    about = file.stat()
    found = json.loads(state.read_text())
    found["input"] = {"size": about.st_size, "mtime_ns": about.st_mtime_ns}
    state.write_text(json.dumps(found))
    assert main(arguments(file, output, "--cost", "4")) == 2
    assert "the output has more lines than the input has rows" in capsys.readouterr().err
    assert output.read_bytes() == before


@pytest.mark.parametrize("name", ["o.jsonl", "o.csv"])
def test_one_line_more_or_less_than_its_last_row_says_is_refused(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file, output = tmp_path / "users.csv", tmp_path / name
    file.write_bytes(as_csv([User(f"u{i}", b"p") for i in range(3)]))
    assert main(arguments(file, output, "--cost", "4")) == 0
    lines = output.read_bytes().splitlines(keepends=True)
    for at in (-3, -2, -1):
        twice = [*lines[:at], lines[at], *lines[at:]]
        without = [*lines[:at], *lines[len(lines) + at + 1 :]]
        for changed in (twice, without) if at < -1 else (twice,):  # without its end it is resumed
            output.write_bytes(b"".join(changed))
            assert main(arguments(file, output, "--cost", "4")) == 2
            assert "doesn't have one line for each row from 0 on" in capsys.readouterr().err
            assert output.read_bytes() == b"".join(changed)
