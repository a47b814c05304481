"""The recipes of docs/bulk.md, unchanged, on awkward tables."""

from __future__ import annotations

import csv
import gzip
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import bcrypt_batch
from bcrypt_batch.tables.cli import main
from tests.documents import block, commands
from tests.processes import require
from tests.tables.engines import Engines, Table
from tests.tables.programs import shell
from tests.tables.samples import read_results

HASHED = block("docs/bulk.md", "hashed").replace("cost=12", "cost=4")
# The columns are in another order than a reader may expect.
USERS = [
    ("00123", "u0"), ("", "u1"), ("caf\u00e9", "u2"), ("NULL", "007"), ("x" * 73, "u4"),
    ('a"b,c\nd', "u5"), ("\\", "u6"), ("nan", "u7"), (" blanks ", "u8"), ("#x", "u9"),
    ("1e5", "u10"), ("x" * 72, "u11"),
]  # fmt: skip


def write(path: Path, users: list[tuple[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("password", "team", "id")])
        csv.writer(file).writerows((password, "1", name) for password, name in users)


def check(found: Table) -> None:
    assert list(found) == ["id", "hash", "error"]
    rows = {row[0]: row[1:] for row in zip(*found.values(), strict=True)}
    assert len(rows) == len(USERS)
    for password, name in USERS:
        key, (hashed, error) = password.encode(), rows[name]
        if key and len(key) <= 72:
            assert error is None
            assert bcrypt_batch.checkpw(key, hashed.encode())
        else:
            assert hashed is None
            assert error == ("password_too_long" if key else "missing_password")


@pytest.fixture
def users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "users.csv"
    write(file, USERS)
    return file


def test_polars(users: Path) -> None:
    polars = pytest.importorskip("polars", reason="polars is not installed (group tables)")
    exec(HASHED + block("docs/bulk.md", "polars"), {})
    found = polars.read_parquet(users.with_name("hashed.parquet"))
    check(found.to_dict(as_series=False))
    users.write_text("password,id\n00123,007\n")
    exec(HASHED + block("docs/bulk.md", "polars"), {})
    (row,) = polars.read_parquet(users.with_name("hashed.parquet")).rows()
    assert row[0] == "007"
    assert bcrypt_batch.checkpw(b"00123", row[1].encode())
    users.write_text("password,id\nabc,u0\nshort\n")
    with pytest.raises(ValueError, match="an id is missing"):
        exec(HASHED + block("docs/bulk.md", "polars"), {})


RECIPES = {
    "pyspark": block("docs/bulk.md", "pyspark"),
    "ray": block("docs/bulk.md", "ray"),
    "dask": block("docs/bulk.md", "dask"),
}


@pytest.mark.usefixtures("users")
@pytest.mark.parametrize("engine", RECIPES)
def test_an_engine(engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed (group tables)")
    engines = Engines(monkeypatch, engine)
    asked = []
    real = bcrypt_batch.hash_many

    def hash_many(passwords: list[bytes | None], **options: Any) -> Any:
        asked.append(options["workers"])
        return real(passwords, **options)

    monkeypatch.setattr(bcrypt_batch, "hash_many", hash_many)
    exec(HASHED + RECIPES[engine], {})
    (dataset,) = engines.read
    columns = dataset.results[0]
    check({name: [value for part in dataset.results for value in part[name]] for name in columns})
    assert asked == [1, 1]
    assert (tmp_path / "hashed").exists()


@pytest.mark.parametrize(
    ("ids", "passwords", "said"),
    [
        ([7], ["a"], "an id is missing or no string"),
        ([None], ["a"], "an id is missing or no string"),
        ([""], ["a"], "an id is missing or no string"),
        (["u"], ["caf\ufffd"], "not UTF-8"),
        (["u"], [123], "int"),
        (["u"], [0], "int"),
        (["u"], [float("nan")], "float"),
    ],
)
def test_what_was_read_wrongly_is_refused(ids: list[Any], passwords: list[Any], said: str) -> None:
    names: dict[str, Any] = {}
    exec(HASHED, names)
    with pytest.raises((ValueError, TypeError, AttributeError), match=said):
        names["hashed"](ids, passwords)


def run(words: list[str]) -> int:
    assert words[0] == "bcrypt-batch"
    return main([*("4" if word == "12" else word for word in words[1:]), "--quiet"])


def test_the_commands(users: Path, capfd: pytest.CaptureFixture[str]) -> None:
    install, info, hash_users, verify, piped = commands(block("docs/bulk.md", "commands"))
    assert install[:2] == ["pip", "install"]
    assert main(["4" if word == "12" else word for word in info[1:]]) == 0
    assert "5,000,000" in capfd.readouterr().out
    assert run(hash_users) == 1  # some rows are in error
    hashed = bcrypt_batch.hashpw(b"s3cret", b"$2b$04$" + b"." * 22).decode()
    users.with_name("pairs.csv").write_text(
        f"stored,password\n{hashed},s3cret\n!,s3cret\n,s3cret\n{hashed},\n"
    )
    assert run(verify) == 1
    checked = read_results(users.with_name("checked.jsonl"))
    assert [result.get("match", result.get("error")) for result in checked] == [
        True, "invalid_hash", "missing_hash", "missing_password"
    ]  # fmt: skip
    users.with_name("users.csv.gz").write_bytes(gzip.compress(users.read_bytes()))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = f"{shlex.join(piped).replace(chr(39), '')} --cost 4"
    unpacked = subprocess.run(command, shell=True, env={**os.environ, "PATH": path}, check=False)
    assert unpacked.returncode == 1  # some rows are in error here too
    users.with_name("hashed.jsonl").unlink()
    assert run(hash_users) == 1
    (again,) = commands(block("README.md", "table"))
    assert run(again) == 1  # it resumes what the other document's command made
    if not shutil.which("jq"):
        pytest.skip("jq is not installed")
    done = subprocess.run(
        block("docs/bulk.md", "jq"), shell=True, check=True, capture_output=True, text=True
    )
    made = len(users.with_name("hashed.jsonl").read_text().splitlines())
    assert made == len(USERS)
    assert len(done.stdout.splitlines()) == len(USERS) - 2
    assert '{"username":"007","credential":{"type":"bcrypt","value":"$2b$04$' in done.stdout


def test_users_for_another_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("users.csv").write_text("id,email,password\nu,u@x,s3cret\n")
    made, exported = commands(block("docs/bulk.md", "targets"))
    assert run(made) == 0
    assert main(exported[1:]) == 0
    (identity,) = json.loads(Path("users-0001.json").read_text())["identities"]
    hashed = identity["create"]["credentials"]["password"]["config"]["hashed_password"]
    assert bcrypt_batch.checkpw(b"s3cret", hashed.encode())


def test_a_csv_of_excel(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_bytes("id;password\r\nu;\u00fc\u20ac\r\n".encode("cp1252"))
    assert shell(block("docs/bulk.md", "excel"), tmp_path) == 0
    (result,) = read_results(tmp_path / "hashed.jsonl")
    assert bcrypt_batch.checkpw("\u00fc\u20ac".encode(), result["hash"].encode())


def test_documents(tmp_path: Path) -> None:
    require("jq")
    users = {"users": [{"localId": "u1", "email": "a@b", "password": 'a"\u00e9'}]}
    credentials = [{"type": "password", "value": "s3cret", "temporary": True}]
    realm = {
        "realm": "x",
        "users": [{"username": "v", "credentials": credentials}, {"username": "w"}],
    }
    for name, content in (("users", users), ("realm", realm)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content, indent=2))
    assert shell(block("docs/bulk.md", "documents"), tmp_path) == 1
    (result,) = read_results(tmp_path / "hashed.jsonl")
    assert (result["id"], result["email"]) == ("u1", "a@b")
    assert bcrypt_batch.checkpw('a"\u00e9'.encode(), result["hash"].encode())
    with_password, without = read_results(tmp_path / "realm.jsonl")
    assert bcrypt_batch.checkpw(b"s3cret", with_password["hash"].encode())
    assert without == {"row": 1, "id": "w", "error": "missing_password"}


def test_a_dump_of_django(tmp_path: Path) -> None:
    require("jq")
    hashed = bcrypt_batch.hash_many([b"pw"], cost=4, scheme="django-sha256").values[0]
    assert hashed
    stored = [hashed.decode(), "pbkdf2_sha256$870000$salt$digest", "!unusable", "md5$s$d"]
    users = [
        {"model": "auth.user", "pk": i, "fields": {"username": f"u{i}", "password": text}}
        for i, text in enumerate(stored)
    ]
    dump = [{"model": "auth.group", "pk": 1, "fields": {"name": "g"}}, *users]
    (tmp_path / "dump.json").write_text(json.dumps(dump, indent=2))
    text = block("docs/bulk.md", "django")
    assert shell(f"{{ {text}\n}} > counts", tmp_path) == 0
    counts = (tmp_path / "counts").read_text()
    assert "hashes: 4\n" in counts
    assert "1  bcrypt, scheme django-sha256 (row 0)" in counts
    for name in ("pbkdf2", "md5"):
        assert f"1  not bcrypt: {name}, unsupported_scheme" in counts


def test_a_htpasswd(tmp_path: Path) -> None:
    require("htpasswd")
    lines = [
        subprocess.run(["htpasswd", "-nb", how, name, "pw"], capture_output=True, check=True).stdout
        for name, how in (("a", "-B"), ("b", "-m"), ("c", "-s"))
    ]
    (tmp_path / ".htpasswd").write_bytes(b"".join(line.strip() + b"\n" for line in lines))
    text = block("docs/bulk.md", "htpasswd")
    assert shell(f"{{ {text}\n}} > counts", tmp_path) == 0
    counts = (tmp_path / "counts").read_text()
    for found in ("bcrypt, scheme bcrypt (row 0)", "md5-crypt, ", "sha, "):
        assert found in counts
