"""bcrypt-batch export: what other systems import."""

from __future__ import annotations

import base64
import json
import os
import signal
import stat
from pathlib import Path
from typing import Any

import bcrypt
import pytest

import bcrypt_batch
from bcrypt_batch.tables.cli import main
from bcrypt_batch.tables.output import OutputRefused, create
from tests.tables.programs import run, start, succeed

COST_10 = "$2b$10$" + "a" * 53
COST_12 = "$2a$12$" + "b" * 53
OLD = "$2x$10$" + "c" * 53


def results(tmp_path: Path, *lines: dict[str, Any]) -> Path:
    file = tmp_path / "hashed.jsonl"
    numbered = ({"row": row, **line} for row, line in enumerate(lines))
    file.write_text("".join(json.dumps(line) + "\n" for line in numbered))
    return file


def export(form: str, file: Path, output: Path, *options: str) -> int:
    return main(["export", form, str(file), "--output", str(output), *options])


def test_firebase(tmp_path: Path) -> None:
    file = results(
        tmp_path,
        {"id": "u1", "email": "a@b", "hash": COST_10},
        {"id": "u2", "error": "missing_password"},
        {"id": 3, "hash": COST_12},
    )
    output = tmp_path / "users.json"
    assert export("firebase", file, output) == 1  # a row was left out
    first, second = json.loads(output.read_text())["users"]
    assert first == {
        "localId": "u1", "email": "a@b", "passwordHash": base64.b64encode(COST_10.encode()).decode()
    }  # fmt: skip
    assert {*second} == {"localId", "passwordHash"}
    assert output.stat().st_mode & 0o777 == 0o600


def test_auth0_in_files_of_500_kb(tmp_path: Path) -> None:
    lines = [{"id": f"u{i}", "email": f"u{i}@x", "hash": COST_10} for i in range(6000)]
    assert export("auth0", results(tmp_path, *lines), tmp_path / "users.json") == 0
    files = sorted(tmp_path.glob("users-*.json"))
    assert len(files) == 2
    assert all(file.stat().st_size <= 500_000 for file in files)
    found = [user for file in files for user in json.loads(file.read_text())]
    assert found == [
        {"user_id": f"u{i}", "email": f"u{i}@x", "password_hash": COST_10} for i in range(6000)
    ]


def test_auth0_leaves_nothing_of_a_longer_export(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = results(tmp_path, {"id": "u", "email": "e@x", "hash": COST_10})
    other = tmp_path / "users-0005.json"
    for number in (1, 2, 3, 5):
        (tmp_path / f"users-000{number}.json").write_text("[]")
    assert export("auth0", file, tmp_path / "users.json", "--force") == 0
    assert sorted(tmp_path.glob("users-*")) == [tmp_path / "users-0001.json", other]
    file.rename(other)
    assert export("auth0", other, tmp_path / "users.json", "--force") == 2
    assert "is the input itself" in capsys.readouterr().err


def test_auth0_of_another_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = results(tmp_path, {"id": "u", "email": "e@x", "hash": COST_12})
    assert export("auth0", file, tmp_path / "o.json") == 2
    said = capsys.readouterr().err
    assert (
        "row 0: password_hash takes $2a$ and $2b$ of cost 10 only, and this is $2a$ of cost 12"
        in said
    )
    assert "bbbb" not in said
    assert export("auth0", file, tmp_path / "o.json", "--custom") == 0
    (user,) = json.loads((tmp_path / "o-0001.json").read_text())
    assert user["custom_password_hash"]["hash"]["value"] == COST_12


def test_htpasswd(tmp_path: Path) -> None:
    hashed = bcrypt_batch.hashpw(b"s3cret", bcrypt_batch.gensalt(4)).decode()
    output = tmp_path / "htpasswd"
    assert export("htpasswd", results(tmp_path, {"id": "ada", "hash": hashed}), output) == 0
    name, _, stored = output.read_text().rstrip("\n").partition(":")
    assert (name, stored[:7]) == ("ada", "$2y$04$")
    assert bcrypt.checkpw(b"s3cret", stored.encode())


@pytest.mark.parametrize(
    ("form", "lines", "message"),
    [
        ("firebase", [{"id": "u", "hash": COST_10}] * 2, "row 1 has the id of an earlier row"),
        ("firebase", [{"id": 1, "hash": COST_10}, {"id": "1", "hash": COST_10}], "earlier row"),
        ("firebase", [{"id": "u" * 129, "hash": COST_10}], "more than 128 characters"),
        ("firebase", [{"hash": COST_10}], "row 0 has no id"),
        ("firebase", [{"id": "u", "match": True}], "row 0 has no hash"),
        ("firebase", [{"id": "u", "hash": "$2b$10$short"}], "row 0 has no hash"),
        ("auth0", [{"id": "u", "hash": COST_10}], "row 0 has no 'email'"),
        ("auth0", [{"id": "u", "email": 5, "hash": COST_10}], "'email' must be text"),
        ("auth0", [{"id": "u", "email": "e" * 500_000, "hash": COST_10}], "row 0: the user alone"),
        ("htpasswd", [{"id": "a:b", "hash": COST_10}], "no colon"),
        ("htpasswd", [{"id": "#a", "hash": COST_10}], "not begin with #"),
        ("htpasswd", [{"id": "\ud800", "hash": COST_10}], "row 0: the id has half a surrogate"),
        ("htpasswd", [{"id": "a\nb", "hash": COST_10}], "control character"),
        ("htpasswd", [{"id": "a", "hash": OLD}], "$2x$ is another algorithm"),
    ],
)
def test_what_is_refused_is_named(
    form: str,
    lines: list[dict[str, Any]],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert export(form, results(tmp_path, *lines), tmp_path / "o") == 2
    said = capsys.readouterr().err
    assert message in said
    assert "aaaa" not in said


def test_other_files_and_existing_outputs_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "other"
    file.write_text("s3cret,password\n")
    assert export("firebase", file, tmp_path / "o") == 2
    said = capsys.readouterr().err
    assert "line 1 is no result of bcrypt-batch hash" in said
    assert "s3cret" not in said
    for line in ("[" * 100_000, '{"row": 1e999}'):
        file.write_text(line)
        assert export("firebase", file, tmp_path / "o") == 2
        assert "line 1 is no result of bcrypt-batch hash" in capsys.readouterr().err
    good = results(tmp_path, {"id": "u", "hash": COST_10})
    output = tmp_path / "there"
    output.write_text("precious " * 1000)
    output.chmod(0o644)
    assert export("htpasswd", good, output) == 2
    assert output.read_text() == "precious " * 1000
    assert export("htpasswd", good, output, "--force") == 0
    assert "precious" not in output.read_text()
    assert output.stat().st_mode & 0o777 == 0o600


def test_a_refused_export_leaves_what_was_there(tmp_path: Path) -> None:
    output = tmp_path / "there"
    output.write_text("precious")
    bad = results(tmp_path, {"id": "u", "hash": COST_10}, {"id": "u", "hash": COST_10})
    for form in ("firebase", "htpasswd"):
        assert export(form, bad, output, "--force") == 2
        assert output.read_text() == "precious"
    assert sorted(tmp_path.iterdir()) == [bad, output]


def test_a_link_keeps_pointing_where_it_did(tmp_path: Path) -> None:
    good = results(tmp_path, {"id": "u", "hash": COST_10})
    (tmp_path / "folder").mkdir()
    target, link = tmp_path / "folder" / "there", tmp_path / "link"
    link.symlink_to(target)
    for options in ((), ("--force",)):
        assert export("firebase", good, link, *options) == 0
        assert link.is_symlink()
        assert json.loads(target.read_text())["users"]
    assert list(target.parent.iterdir()) == [target]


def test_what_is_no_plain_file_is_written_as_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o640)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert export("firebase", results(tmp_path, {"id": "u", "hash": COST_10}), pipe) == 0
    assert json.loads(os.read(reader, 10_000))["users"]
    os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert stat.S_IMODE(pipe.stat().st_mode) == 0o640


def test_standard_input_and_output(tmp_path: Path) -> None:
    lines = results(tmp_path, {"id": "u", "email": "e@x", "hash": COST_10}).read_bytes()
    done = run("export", "firebase", "-", "--output", "-", stdin=lines, cwd=tmp_path)
    assert done.returncode == 0
    assert json.loads(done.stdout)["users"][0]["localId"] == "u"
    said = succeed("export", "auth0", "-", "--output", "-", status=2, stdin=lines, cwd=tmp_path)
    assert "--output can't be - for auth0, which is several files" in said
    assert [path.name for path in tmp_path.iterdir()] == ["hashed.jsonl"]


@pytest.mark.parametrize("links", [True, False])
def test_what_has_come_meanwhile_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    """Nor is anything left; without hard links neither, as on a USB stick's file system."""

    def refused(*_: object) -> None:
        raise PermissionError

    if not links:
        monkeypatch.setattr(os, "link", refused)
    output = tmp_path / ("o" * 250)  # as long a name as a file may have, nearly
    with create(str(output), force=False) as file:
        file.write(b"whole")
    assert output.read_bytes() == b"whole"
    output.unlink()

    def write_too_late() -> None:
        with create(str(output), force=False) as file:
            file.write(b"late")
            output.write_bytes(b"precious")

    with pytest.raises(OutputRefused, match="exists"):
        write_too_late()
    assert output.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    line = json.dumps({"row": 0, "id": "u", "hash": COST_10}).encode() + b"\n"
    with start("export", "firebase", "-", "--output", tmp_path / "o.json") as process:
        assert process.stdin is not None
        process.stdin.write(line)
        process.stdin.flush()
        while not [*tmp_path.iterdir()]:
            assert process.poll() is None
        process.send_signal(number)
        assert process.wait(timeout=60) == 128 + number
    assert not [*tmp_path.iterdir()]


def test_auth0_of_nobody_takes_nothing_away(tmp_path: Path) -> None:
    file = results(tmp_path, {"id": "u", "email": "a@b", "hash": COST_10})
    assert export("auth0", file, tmp_path / "users.json") == 0
    before = (tmp_path / "users-0001.json").read_bytes()
    file.write_text("")
    assert export("auth0", file, tmp_path / "users.json", "--force") == 0
    assert (tmp_path / "users-0001.json").read_bytes() == before
