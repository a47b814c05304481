"""Rows in error: counted over all runs of a table, and listed in the file of --errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from bcrypt_batch.tables.cli import main
from bcrypt_batch.tables.compute import Stretch, compute
from tests.tables.samples import read_results

Said = pytest.CaptureFixture[str]
CONTENT = b'id,password\nu0,a\nu1,\n"u,2",' + b"s3cret" * 13 + b"\n\xff,\nu4,b\n"
LISTED = [
    {"row": 1, "id": "u1", "error": "missing_password"},
    {"row": 2, "id": "u,2", "error": "password_too_long"},
    {"row": 3, "id": "\udcff", "error": "missing_password"},
]


@pytest.fixture
def failing(tmp_path: Path) -> Path:
    """Return a table of five rows, three of them in error."""
    (file := tmp_path / "users.csv").write_bytes(CONTENT)
    return file


def hash_to(file: Path, output: Path, *options: str) -> int:
    return main(["hash", str(file), "-o", str(output), "-c", "4", *options])


@pytest.mark.parametrize("name", ["o.jsonl", "o.csv"])
@pytest.mark.parametrize("done", [2, 5])
def test_a_resumed_run_counts_and_lists_the_errors_of_all(
    failing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said, name: str,
    done: int,
) -> None:  # fmt: skip
    def stopped(*arguments: object) -> Stretch:
        made = compute(*arguments)  # type: ignore[arg-type]
        return made._replace(outcomes=made.outcomes[:done], complete=done == 5)

    output, errors = tmp_path / name, tmp_path / "errors.jsonl"
    with monkeypatch.context() as patched:
        patched.setattr("bcrypt_batch.tables.run.compute", stopped)
        assert hash_to(failing, output, "--errors", str(errors)) == (3 if done < 5 else 1)
    assert read_results(errors) == LISTED[: done - 1]
    capsys.readouterr()
    assert hash_to(failing, output, "--resume", "--errors", str(errors)) == 1
    said = capsys.readouterr().err
    assert "3 in error (missing_password 2, password_too_long 1)" in said
    assert f"; {5 - done} in this run" in said
    assert read_results(errors) == LISTED
    assert errors.stat().st_mode & 0o777 == 0o600
    assert b"s3cret" not in errors.read_bytes()


def test_errors_as_csv(failing: Path, tmp_path: Path) -> None:
    errors = tmp_path / "errors.csv"
    assert hash_to(failing, tmp_path / "o", "--errors", str(errors)) == 1
    assert errors.read_bytes() == (
        b'row,id,error\n1,u1,missing_password\n2,"u,2",password_too_long\n3,\xff,missing_password\n'
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("o", "--errors is the output itself, or its state file"),
        ("o.state", "--errors is the output itself, or its state file"),
        ("users.csv", "--errors is the input itself"),
        ("there", "exists; use --force to replace it"),
    ],
)
def test_a_list_of_errors_takes_no_other_file_s_place(
    failing: Path, tmp_path: Path, capsys: Said, name: str, message: str
) -> None:
    (tmp_path / "there").write_bytes(b"precious")
    force = [] if name == "there" else ["--force"]
    assert hash_to(failing, tmp_path / "o", "--errors", str(tmp_path / name), *force) == 2
    assert message in capsys.readouterr().err
    assert failing.read_bytes() == CONTENT
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there", "users.csv"]


def verify(file: Path, hashes: Path, *options: str) -> int:
    output = file.with_name("checked.jsonl")
    words = ["verify", str(file), "--hashes", str(hashes), "-o", str(output), "-q", *options]
    return main(words)


def test_a_table_is_verified_with_its_results(failing: Path, tmp_path: Path, capsys: Said) -> None:
    hashes, checked = tmp_path / "hashed.jsonl", tmp_path / "checked.jsonl"
    assert hash_to(failing, hashes) == 1
    assert verify(failing, hashes) == 1
    assert [row.get("match", row.get("error")) for row in read_results(checked)] == [
        True, "missing_password", "missing_hash", "missing_password", True,
    ]  # fmt: skip
    failing.write_bytes(CONTENT.replace(b"u4,b", b"u4,x"))
    assert verify(failing, hashes, "--force") == 1
    assert read_results(checked)[-1]["match"] is False
    checked.write_bytes(b"".join(checked.read_bytes().splitlines(keepends=True)[:2]))
    assert verify(failing, hashes, "--resume") == 1
    assert len(read_results(checked)) == 5
    hashes.write_bytes(hashes.read_bytes() + b"\n")
    assert verify(failing, hashes, "--resume") == 2
    assert "was made with other --hashes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: [*lines[:2], *lines[3:]], "has no result of row 2 on line 3"),
        (lambda lines: lines[:4], "has no result of row 4 on line 5"),
        (lambda lines: [*lines, b"{}"], "has more results than the table's 5 rows"),
        (lambda lines: [lines[0].replace(b"u0", b"u9"), *lines[1:]], "row 0 has another id in"),
        (lambda _: [b"row,id,hash,error"], "has no result of row 0 on line 1"),
    ],
)
def test_results_of_another_table_are_refused(
    failing: Path, tmp_path: Path, capsys: Said, change: object, message: str
) -> None:
    hashes = tmp_path / "hashed.jsonl"
    assert hash_to(failing, hashes) == 1
    assert callable(change)
    hashes.write_bytes(b"\n".join(change(hashes.read_bytes().splitlines())) + b"\n")
    capsys.readouterr()
    assert verify(failing, hashes) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "$2b$" not in said


def test_two_places_for_hashes_are_refused(failing: Path, capsys: Said) -> None:
    assert verify(failing, failing, "--hash-column", "h") == 2
    assert "--hashes and --hash-column are two places" in capsys.readouterr().err
    assert main(["verify", str(failing), "--hashes", str(failing), "-o", str(failing)]) == 2
    assert "--output is the input itself" in capsys.readouterr().err
