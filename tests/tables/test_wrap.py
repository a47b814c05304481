"""bcrypt-batch hash --wrap: digests that a table has already, and the logins of docs/schemes.md."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import bcrypt
import pytest

from bcrypt_batch.schemes import DIGITS
from bcrypt_batch.tables.cli import main
from tests.documents import block, commands
from tests.processes import PROGRAMS, PROJECT, check_program, require
from tests.tables.samples import read_results

PASSWORDS = ["s3cret", "h\u00f8yt", " blanks ", "x" * 100, "5f4dcc3b5aa765d61d8327deb882cf99"]


def digest(name: str, password: str) -> str:
    return hashlib.new(name.partition("-")[0], password.encode()).hexdigest()


MD5 = [digest("md5-hex", password) for password in PASSWORDS]


def wrapped(folder: Path, name: str, texts: list[str], status: int = 0) -> list[dict[str, str]]:
    """Return the results for a table of digests."""
    table, output = folder / "digests.csv", folder / "wrapped.jsonl"
    table.write_text("id,digest\n" + "".join(f"{i},{text}\n" for i, text in enumerate(texts)))
    options = ["--wrap", name, "--password-column", "digest", "--cost", "4", "--quiet", "--force"]
    assert main(["hash", str(table), "-o", str(output), *options]) == status
    return read_results(output)


@pytest.mark.parametrize("name", DIGITS)
def test_passwords_match_what_was_made_of_their_digests(tmp_path: Path, name: str) -> None:
    """In either case of the digits; pyca/bcrypt says the same. The digests themselves don't."""
    digests = [digest(name, password) for password in PASSWORDS]
    digests[1] = digests[1].upper()
    made = wrapped(tmp_path, name, digests)
    for password, row in zip(PASSWORDS, made, strict=True):
        key = digest(name, password).encode()[:72]
        assert bcrypt.checkpw(key, row["hash"].encode())
    table, output = tmp_path / "known.jsonl", tmp_path / "checked.jsonl"
    for passwords, status in ((PASSWORDS, 0), (digests, 1)):
        lines = [json.dumps({"id": str(i), "password": one}) for i, one in enumerate(passwords)]
        table.write_text("\n".join(lines) + "\n")
        asked = ["--hashes", str(tmp_path / "wrapped.jsonl"), "--scheme", name, "--quiet"]
        assert main(["verify", str(table), "-o", str(output), "--force", *asked]) == status
        assert {row["match"] for row in read_results(output)} == {status == 0}


def test_a_text_that_is_no_digest_is_not_hashed(tmp_path: Path) -> None:
    good = MD5[0]
    texts = [
        good,
        "s3cret",
        "",
        good[:-1],
        good + "0",
        good[:-1] + "g",
        f" {good[1:]}",
        f"0x{good}",
    ]
    made = wrapped(tmp_path, "md5-hex", texts, status=1)
    assert [row.get("error") for row in made] == [
        None, "not_a_digest", "missing_password", *["not_a_digest"] * 5,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["hash", "--scheme", "md5-hex"], "--wrap md5-hex hashes digests that a table has already"),
        (["hash", "--scheme", "django", "--wrap", "md5-hex"], "not allowed with argument --scheme"),
        (["verify", "--wrap", "md5-hex"], "unrecognized arguments: --wrap"),
        (["verify", "--scheme", "django"], "hashes with its mark are recognised without"),
    ],
)
def test_the_two_meanings_are_not_mixed_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*options, str(tmp_path / "users.csv")])
    assert ended.value.code == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_the_documented_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("legacy.csv").write_text(f"id,md5\n1,{MD5[0]}\n")
    Path("known.csv").write_text(f"id,password\n1,{PASSWORDS[0]}\n")
    wrap, verify, mark = commands(block("docs/schemes.md", "wrap"))
    assert main([*wrap[1:], "--quiet", "--cost", "4"]) == 0
    assert main([*verify[1:], "--quiet"]) == 0
    assert [row["match"] for row in read_results(Path("checked.jsonl"))] == [True]
    (made,) = read_results(Path("wrapped.jsonl"))
    assert capsys.readouterr().err == ""
    require("jq")
    done = subprocess.run(mark, capture_output=True, check=True)
    assert json.loads(done.stdout) == {"id": "1", "stored": f"bcrypt_md5${made['hash']}"}


def logins(folder: Path) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return passwords and stored hashes that go together, and others that don't."""
    made = wrapped(folder, "md5-hex", MD5)
    right = [
        (password, f"bcrypt_md5${row['hash']}")
        for password, row in zip(PASSWORDS, made, strict=True)
    ]
    wrong = [(text, stored) for text, (_, stored) in zip(MD5, right, strict=True)]
    return right, [*wrong, ("guess", right[0][1])]


def check_login(folder: Path, command: list[str], **environment: str) -> None:
    """Require that a login takes the right passwords only, and stores a new hash of them."""
    plain = bcrypt.hashpw(PASSWORDS[0].encode(), bcrypt.gensalt(4)).decode()
    right, wrong = logins(folder)
    wrong.append((MD5[0], plain))
    lines = [
        json.dumps([base64.b64encode(password.encode()).decode(), stored])
        for password, stored in [*right, (PASSWORDS[0], plain), *wrong]
    ]
    done = subprocess.run(
        command, input="\n".join(lines), capture_output=True, text=True, check=True, cwd=PROJECT,
        env={**os.environ, **environment},
    )  # fmt: skip
    stored = [json.loads(line) for line in done.stdout.splitlines()]
    assert stored[len(right) :] == [plain] + [None] * len(wrong)
    for password, text in zip(PASSWORDS, stored, strict=False):
        assert bcrypt.checkpw(password.encode()[:72], text.encode())


def test_the_login_in_php(tmp_path: Path) -> None:
    require("php")
    login = tmp_path / "login.php"
    login.write_text("<?php\n" + block("docs/schemes.md", "php").replace("=> 12", "=> 4"))
    check_login(tmp_path, ["php", str(PROGRAMS / "schemes" / "login.php"), str(login)])


def test_the_login_in_node(tmp_path: Path) -> None:
    require("node")
    login = tmp_path / "login.cjs"
    login.write_text(block("docs/schemes.md", "node") + "\nmodule.exports = { signIn };\n")
    check_login(
        tmp_path,
        ["node", str(PROGRAMS / "schemes" / "login.cjs"), str(login)],
        NODE_PATH=str(PROGRAMS / "schemes"),
        PYTHON=sys.executable,
    )


def test_the_login_in_django(tmp_path: Path) -> None:
    pytest.importorskip("django")
    source = block("docs/schemes.md", "django")
    right, wrong = logins(tmp_path)
    answers = check_program("schemes/wrapped", json.dumps([source, [*right, *wrong]]))
    stored = [json.loads(line) for line in answers.splitlines()]
    assert stored[len(right) :] == [None] * len(wrong)
    assert all(text.startswith("bcrypt_sha256$$2b$04$") for text in stored[: len(right)])
