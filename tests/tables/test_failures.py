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
