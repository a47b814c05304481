"""bcrypt-batch hash and verify with schemes: what other systems store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import bcrypt_batch
from bcrypt_batch.schemes import TO_HASH, TO_VERIFY
from bcrypt_batch.tables.cli import main
from tests.documents import block, commands
from tests.makers import PEPPER
from tests.tables.samples import read_results
from tests.test_schemes import KNOWN

CHEAP = [one for one in KNOWN if one.password and ("$04$" in one.text.decode() or b"r=4" in one.text
         or b",4$" in one.text or one.scheme == "base64")]  # fmt: skip


def rows(scheme: str) -> list[tuple[str, str]]:
    return [
        (one.password.decode("utf-8", "surrogateescape"), one.text.decode())
        for one in CHEAP
        if one.scheme == scheme
    ]


def table(path: Path, pairs: list[tuple[str, str]]) -> Path:
    lines = [json.dumps({"password": password, "hash": text}) for password, text in pairs]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def verify(input_: Path, output: Path, *options: str) -> int:
    return main(["verify", str(input_), "-o", str(output), "--quiet", "--force", *options])


def test_marked_ones_are_recognised_by_themselves(tmp_path: Path, output: Path) -> None:
    marked = [one.scheme for one in CHEAP if not one.text.startswith(b"$2")]
    pairs = [(name, pair) for name in dict.fromkeys([*marked, "bcrypt"]) for pair in rows(name)]
    assert len({name for name, _ in pairs}) == 13
    file = table(tmp_path / "pairs.jsonl", [pair for _, pair in pairs])
    assert verify(file, output) == 0
    for found, (name, _) in zip(read_results(output), pairs, strict=True):
        assert (found["scheme"], found["match"]) == (name, True)
    csv = tmp_path / "out.csv"
    assert verify(file, csv) == 0
    assert csv.read_text().splitlines()[:2] == [
        "row,id,scheme,match,truncated,error", f"0,,{pairs[0][0]},true,,",
    ]  # fmt: skip


@pytest.mark.parametrize("name", [name for name in TO_VERIFY if name not in ("auto", "pepper")])
def test_unmarked_ones_are_named(tmp_path: Path, output: Path, name: str) -> None:
    marked = rows("wordpress")[:1]
    file = table(tmp_path / "pairs.jsonl", [*rows(name), *marked])
    assert verify(file, output, "--scheme", name) == 0
    assert [found["scheme"] for found in read_results(output)] == [name] * len(rows(name)) + [
        "wordpress"
    ]


def test_what_is_no_bcrypt_is_named(
    tmp_path: Path, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = table(tmp_path / "pairs.jsonl", [("a", "$P$Bx"), ("a", "$argon2id$x"), ("a", "?")])
    assert main(["verify", str(file), "-o", str(output)]) == 1
    assert read_results(output) == [
        {"row": 0, "scheme": "phpass", "error": "unsupported_scheme"},
        {"row": 1, "scheme": "argon2id", "error": "unsupported_scheme"},
        {"row": 2, "error": "invalid_hash"},
    ]
    assert "unsupported_scheme 2" in capsys.readouterr().err


def test_a_pepper(tmp_path: Path, output: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = table(tmp_path / "pairs.jsonl", rows("pepper") * 2)
    pepper = tmp_path / "pepper"
    for end in (b"", b"\n", b"\r\n"):
        pepper.write_bytes(PEPPER + end)
        assert verify(file, output, "--scheme", "pepper", "--pepper-file", str(pepper)) == 0
        assert {found["scheme"] for found in read_results(output)} == {"pepper"}
    state = Path(f"{output}.state").read_text()
    assert "pepper_file" in state
    for secret in (PEPPER + end, b"another"):
        pepper.write_bytes(secret)
        resumed = ["verify", str(file), "-o", str(output), "--resume", "--scheme", "pepper",
                   "--pepper-file", str(pepper)]  # fmt: skip
        assert main(resumed) == 2
        assert "made with another --pepper-file; --force begins anew" in capfd.readouterr().err
    assert "another" not in state


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"x", ["--pepper-file", "{}"], "--scheme pepper and --pepper-file go together"),
        (b"x", ["--scheme", "pepper"], "--scheme pepper and --pepper-file go together"),
        (b"x", ["--pepper-file", "{}", "--scheme", "md5-hex"], "go together"),
        (b"", ["--pepper-file", "{}", "--scheme", "pepper"], "pepper: a pepper has 1 to 1024"),
        (b"\n", ["--pepper-file", "{}", "--scheme", "pepper"], "pepper: a pepper has 1 to 1024"),
        (b"x" * 1025, ["--pepper-file", "{}", "--scheme", "pepper"], "a pepper has 1 to 1024"),
        (b"x" * 1024 + b"\ny", ["--pepper-file", "{}", "--scheme", "pepper"], "1 to 1024"),
        (b"x", ["--pepper-file", "/dev/null", "--scheme", "pepper"], "must be in a plain file"),
        (b"x", ["--pepper-file", "/nowhere", "--scheme", "pepper"], "/nowhere: No such file"),
    ],
)
def test_a_pepper_that_is_none(
    tmp_path: Path, output: Path, capsys: pytest.CaptureFixture[str], content: bytes,
    options: list[str], message: str,
) -> None:  # fmt: skip
    file = table(tmp_path / "pairs.jsonl", rows("pepper"))
    pepper = tmp_path / "pepper"
    pepper.write_bytes(content)
    assert verify(file, output, *(option.format(pepper) for option in options)) == 2
    assert message in capsys.readouterr().err
    assert not output.exists()


def test_the_documented_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On tables of two rows; the password of the last is another."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pepper.txt").write_bytes(PEPPER + b"\n")
    (tmp_path / "users.csv").write_text("id,password\n1,s3cret\n2,\n")
    for file, scheme, column in (
        ("wp_users", "wordpress", "user_pass"), ("forum", "md5-hex", "hash"),
        ("devise", "pepper", "hash"),
    ):  # fmt: skip
        text = next(one.text.decode() for one in CHEAP if (one.scheme, one.password) ==
                    (scheme, b"s3cret"))  # fmt: skip
        Path(f"{file}.csv").write_text(f"id,password,{column}\n1,s3cret,{text}\n2,guess,{text}\n")
    for _, *words in commands(block("docs/schemes.md", "verify")):
        assert main([*words, "--quiet", *(["--cost", "4"] if words[0] == "hash" else [])]) == 1
        first, second = read_results(Path(words[-1]))
        if words[0] == "hash":
            assert first["hash"].startswith("bcrypt_sha256$$2b$04$")
        else:
            assert (first["match"], second["match"]) == (True, False)


def test_the_documented_results(tmp_path: Path, output: Path) -> None:
    pairs = [("wordpress", "s3cret"), ("bcrypt", "s3cret")]
    texts = [dict(rows(scheme))[password] for scheme, password in pairs]
    file = tmp_path / "pairs.csv"
    lines = [f"{i},s3cret,{text}\n" for i, text in enumerate([*texts, "$P$B"], 1)]
    file.write_text("id,password,hash\n" + "".join(lines))
    assert verify(file, output) == 1
    assert output.read_text() == block("docs/schemes.md", "results")


@pytest.mark.parametrize("name", TO_HASH)
def test_what_is_made_is_verified(tmp_path: Path, output: Path, name: str) -> None:
    users = tmp_path / "users.csv"
    users.write_bytes(b"id,password\nu,s3cret\nv,caf\xe9\nw,%b\n" % (b"x" * 73))
    checked = tmp_path / "checked.jsonl"
    long = name in ("wordpress", "django-sha256", "passlib-v2", "symfony")
    options = ["-o", str(output), "--scheme", name, "--cost", "4", "--quiet"]
    assert main(["hash", str(users), *options]) == (0 if long else 1)
    texts = [found.get("hash") for found in read_results(output)]
    assert [text is None for text in texts] == [False, False, not long]
    told = name if name in TO_VERIFY else "auto"
    status = verify(users, checked, "--hashes", str(output), "--scheme", told)
    assert status == (0 if long else 1)
    assert [found.get("match") for found in read_results(checked)] == [True, True, long or None]


def test_the_prefix_is_what_readers_expect_or_what_was_asked_for(
    tmp_path: Path, output: Path
) -> None:
    users = tmp_path / "users.csv"
    users.write_text("id,password\nu,s3cret\n")
    for options, beginning in (
        (["--scheme", "jenkins"], "#jbcrypt:$2a$04$"),
        (["--scheme", "jenkins", "--prefix", "2y"], "#jbcrypt:$2y$04$"),
        ([], "$2b$04$"),
    ):
        common = ["-o", str(output), "--cost", "4", "--quiet", "--force"]
        assert main(["hash", str(users), *common, *options]) == 0
        (found,) = read_results(output)
        assert found["hash"].startswith(beginning)
        assert "scheme" not in found


def test_the_stretches_of_a_table_count_the_work_behind_marks() -> None:
    from bcrypt_batch.tables.compute import Job
    from bcrypt_batch.tables.rows import Row

    hashed = bcrypt_batch.hashpw(b"a", b"$2b$04$" + b"." * 22)
    job = Job("verify", scheme="auto")
    for text, work in ((hashed, 16), (b"$wp" + hashed, 16), (b"DoubleBcrypt:" + hashed, 32),
                       (b"$6$x", 0)):  # fmt: skip
        assert job.weigh(Row(0, None, b"a", text)) == work
