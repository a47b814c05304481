"""What is said of passwords that may not be what they seem; hashes are not hashed again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bcrypt_batch.schemes import looks_like_hash
from bcrypt_batch.tables.cli import main
from tests.tables.programs import hash_of, run
from tests.tables.samples import read_results

BCRYPT = b"$2y$04$" + b"abcdefghijklmnopqrstuOpu6OqHTH0VBYYxYLmVlAJBq8QSZSoXu2"[:53]
PASSWORDS = [
    b"plain", b"NULL", b"\\N", b"None", b"caf\xe9", "caf\u00e9".encode(), b"x" * 73,
    b"5f4dcc3b5aa765d61d8327deb882cf99", b"",
]  # fmt: skip
SAID = [
    r"3 passwords are \N, NULL, null or None, the first in row 1: --null TEXT treats them",
    "1 password is not UTF-8, in row 4: --encoding names the table's encoding",
    "1 password looks like a hexadecimal digest, in row 7: logins with",
]


def table_of(passwords: list[bytes]) -> bytes:
    return b"id,password\n" + b"".join(b"u%d,%b\n" % (i, p) for i, p in enumerate(passwords))


def test_the_summary_counts_what_may_be_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (table := tmp_path / "users.csv").write_bytes(table_of(PASSWORDS))
    command = ["hash", str(table), "-c", "4", "-o", str(tmp_path / "o")]
    assert main(command) == 1
    for options in ([], ["--resume"]):
        assert main([*command, *(options or ["--force"])]) == 1
        said = capsys.readouterr().err
        assert [line in said for line in SAID] == [True] * len(SAID), said
        assert "5f4dcc" not in said
    assert main([*command, "--force", "--quiet"]) == 1
    assert capsys.readouterr().err == ""
    table.write_bytes(table_of([b"plain"]))
    assert main([*command, "--force"]) == 0
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(("options", "noted"), [([], True), (["--dialect", "mysql"], False)])
def test_doubled_backslashes_of_quoted_fields_are_noted(
    options: list[str], noted: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    r"""As OUTFILE with ENCLOSED BY writes a\\b, with which its user can't sign in."""
    (table := tmp_path / "users.csv").write_bytes(b"id,password\n1,a\\b\n2,a\\\\\\\\b\n")
    options = [*options, "-d", ","]
    assert main(["hash", str(table), "-c", "4", "-o", str(tmp_path / "o"), *options]) == 0
    said = "1 password has two backslashes in a row, in row 1: with ENCLOSED BY, MySQL writes"
    assert (said in capsys.readouterr().err) is noted
    assert main(["inspect", str(table), *options]) == 0
    said = "1  with two backslashes in a row, as MySQL writes one with ENCLOSED BY (row 1)"
    assert (said in capsys.readouterr().out) is noted


def test_digests_that_are_to_be_wrapped_are_not_noted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (table := tmp_path / "users.csv").write_bytes(table_of([b"5f4dcc3b5aa765d61d8327deb882cf99"]))
    command = ["hash", str(table), "-c", "4", "-o", str(tmp_path / "o"), "--force"]
    for options, noted in (([], True), (["--wrap", "md5-hex"], False)):
        assert main([*command, *options]) == 0
        assert ("looks like a hexadecimal digest" in capsys.readouterr().err) is noted


def test_verify_notes_neither_hashes_nor_digests(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the notes advise is not for verify, which has no --wrap."""
    given = [b"5f4dcc3b5aa765d61d8327deb882cf99", BCRYPT, b"NULL"]
    (table := tmp_path / "users.csv").write_bytes(table_of(given))
    hashes = str(tmp_path / "hashes")
    assert main(["hash", str(table), "-c", "4", "--hash-anyway", "-o", hashes]) == 0
    capsys.readouterr()
    assert main(["verify", str(table), "--hashes", hashes, "-o", str(tmp_path / "o")]) == 0
    said = capsys.readouterr().err
    assert "1 password is \\N, NULL, null or None, in row 2" in said
    assert "looks like" not in said


HASHES = [
    BCRYPT, BCRYPT.replace(b"2y", b"2"), b"ada:" + BCRYPT, b"{BLF-CRYPT}" + BCRYPT,
    BCRYPT[:50], BCRYPT[:24],  # cut by a column that is too short
    b"bcrypt$" + BCRYPT, b"$wp" + BCRYPT, b"$P$BsBFSBjcSGFCZzKpCrFdQYKbBVyVxH1",
    b"$6$saltsalt$" + b"a" * 86, b"$y$j9T$abc$" + b"b" * 43, b"$apr1$abcdefgh$" + b"c" * 22,
    b"$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA", b"pbkdf2_sha256$600000$salt$aGFzaA=",
    b"$bcrypt-sha256$v=2,t=2b,r=12$" + b"d" * 22, b"{SSHA}" + b"e" * 32 + b"==",
    b"$1$$" + b"f" * 22, b"$md5$" + b"g" * 8 + b"$$" + b"h" * 22, b"{PKCS5S2}" + b"i" * 64,
    b"scrypt:32768:8:1$salt$" + b"0" * 128, b"pbkdf2:sha256:600000$salt$" + b"0" * 64,
    b"md5$salt$" + b"0" * 32, b"unsalted_sha1$$" + b"0" * 40, b"$bcrypt-sha256$2b,12$" + b"j" * 53,
]  # fmt: skip


@pytest.mark.parametrize("hashed", HASHES)
def test_forms_of_hashes(hashed: bytes) -> None:
    assert looks_like_hash(hashed)


@pytest.mark.parametrize(
    "password",
    [b"", b"pa$$word", b"$2y$04$", BCRYPT[:23], b"$$$$$$$$$$$$$$", b"{curly}brackets", b"a$1$b$2$c",
     b"$100$bill", b"{SHA}", b"scrypt$", b"$1$a longer one", b"md5$s3cret", b"x" * 60],
)  # fmt: skip
def test_forms_of_passwords(password: bytes) -> None:
    assert not looks_like_hash(password)


@pytest.mark.parametrize("name", ["users.csv", "-"])
def test_a_column_of_hashes_is_not_hashed(name: str, tmp_path: Path) -> None:
    content = table_of([BCRYPT, *PASSWORDS[:1], BCRYPT])
    (tmp_path / "users.csv").write_bytes(content)
    output = tmp_path / "hashed.jsonl"
    options = ["--format", "csv", "--cost", "4", "--output", str(output)]
    refused = run("hash", name, *options, stdin=content, cwd=tmp_path)
    assert refused.returncode == 2
    count, rows = (2, 3) if name == "users.csv" else (1, 1)
    said = f"has hashes already: {count} in the first {rows} rows, the first in row 0. verify"
    assert said in refused.stderr.decode()
    assert b"$2y$" not in refused.stderr
    assert not output.exists()
    done = run("hash", name, *options, "--hash-anyway", stdin=content, cwd=tmp_path)
    assert done.returncode == 0
    assert "2 passwords look like hashes, the first in row 0" in done.stderr.decode()
    assert len(read_results(output)) == 3


def test_a_hash_in_a_later_row_is_an_error_of_that_row(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (table := tmp_path / "users.csv").write_bytes(table_of([b"", *[b""] * 1000, BCRYPT, b"a"]))
    output = tmp_path / "hashed.jsonl"
    assert hash_of(table, output) == 1
    *_, hashed, plain = read_results(output)
    assert hashed == {"row": 1001, "id": "u1001", "error": "looks_like_hash"}
    assert plain["hash"].startswith("$2b$")
    assert hash_of(table, output, "--resume", "--hash-anyway") == 2
    assert "made with hash_anyway False, not True" in capfd.readouterr().err
    table.write_bytes(b"id,password,hash\nu,%b,%b\n" % (BCRYPT, BCRYPT))
    assert main(["verify", str(table)]) == 1
    assert json.loads(capfd.readouterr().out)["match"] is False
