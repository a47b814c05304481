"""What PostgreSQL and MariaDB write is read as what was put in."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

import bcrypt_batch
from bcrypt_batch.tables.lines import Lines
from bcrypt_batch.tables.reading import read_layout, read_rows
from bcrypt_batch.tables.rows import Columns, Reading
from tests.documents import block
from tests.tables.databases import Database, mariadb, postgres
from tests.tables.programs import shell
from tests.tables.samples import AWKWARD, read_results

PIECES = [
    b"\t", b"\n", b"\r", b"\r\n", b"\\", b'"', b"'", b"\\N", b"\\.", b"NULL", b",", b"|", b"n",
    b"\x08\x0b\x0c", b"\x1a", b"\xff", b"\xc3\xa9", b"x41", b"101", b" ", b"\0",
]  # fmt: skip
HEX = "X'%s'"
Users = list[tuple[str, bytes | None]]


def made(seed: int, nul: bool) -> Users:
    """Return awkward users, of whom some have no password."""
    chance = random.Random(seed)
    passwords: list[bytes | None] = [None, b"", b"N", *PIECES, *AWKWARD, None]
    passwords += [b"".join(chance.choices(PIECES, k=chance.randrange(6))) for _ in range(300)]
    return [
        (f"u{i}\t\\", password if nul or password is None else password.replace(b"\0", b""))
        for i, password in enumerate(passwords)
    ]


def filled(sql: str, users: Users) -> str:
    """Return SQL that puts users in a table, by `sql` for a value of hexadecimal digits."""
    rows = ",".join(
        f"({sql % name.encode().hex()},{'NULL' if password is None else sql % password.hex()})"
        for name, password in users
    )
    return f"insert into users values {rows};"


@pytest.fixture(scope="module")
def in_postgres() -> Iterator[tuple[Database, Users]]:
    users = made(1, nul=False)
    with postgres() as database:
        sql = "convert_from('\\x%s', 'SQL_ASCII')"
        database.ask(f"create table users (id text, password text); {filled(sql, users)}")
        yield database, users


@pytest.fixture(scope="module")
def in_mariadb() -> Iterator[tuple[Database, Users]]:
    users = made(2, nul=True)
    with mariadb() as database:
        columns = "id varbinary(20), password varbinary(200)"
        database.ask(f"create table users ({columns}); {filled(HEX, users)}")
        yield database, users


def check(content: bytes, reading: Reading, users: Users) -> None:
    """Assert that the users are read, also from each of some pieces between rows."""
    lines, _, layout = read_layout(io.BytesIO(content), reading)
    rows = list(read_rows(lines, reading, layout))
    assert [(row.id, row.password) for row in rows] == users
    assert not any(row.error for row in rows)
    bounds = [row.start for row in rows[::7]] + [len(content)]
    assert content[rows[0].start :].startswith(b"u0")
    pieces = [
        row
        for start, end in pairwise(bounds)
        for row in read_rows(Lines(io.BytesIO(content[start:end]), start), reading, layout)
    ]
    assert pieces == rows


@pytest.mark.parametrize(
    ("options", "delimiter", "nulls"),
    [("", "\t", None), (", delimiter '|'", "|", None), (", null 'none'", "\t", ("none",))],
)
def test_copy_of_postgres(
    in_postgres: tuple[Database, Users], options: str, delimiter: str, nulls: tuple[str, ...] | None
) -> None:
    database, users = in_postgres
    content = database.ask(f"copy users to stdout with (header{options})")
    check(content, Reading("csv", Columns(), delimiter, "postgres", nulls), users)
    crlf = content.replace(b"\n", b"\r\n")  # as on Windows
    check(crlf + b"\\.\r\n", Reading("csv", Columns(), delimiter, "postgres", nulls), users)


def test_batch_of_mariadb(in_mariadb: tuple[Database, Users]) -> None:
    database, users = in_mariadb
    content = database.ask("select * from users", "--batch")
    known = [(name, None if password == b"NULL" else password) for name, password in users]
    check(content, Reading("csv", Columns(), "\t", "mysql"), known)


@pytest.mark.parametrize(
    ("options", "delimiter"),
    [
        ("", "\t"),
        ("fields terminated by '|'", "|"),
        ("lines terminated by '\\r\\n'", "\t"),
        ("fields terminated by ',' lines terminated by '\\r\\n'", ","),
    ],
)
def test_outfile_of_mariadb(
    in_mariadb: tuple[Database, Users], options: str, delimiter: str
) -> None:
    database, users = in_mariadb
    file = database.folder / "temporary" / "out"
    named = "select 'id', 'password' union all select id, password from users"
    database.ask(f"{named} into outfile '{file}' {options}")
    content = file.read_bytes()
    file.unlink()
    known = [(name, None if password == b"NULL" else password) for name, password in users]
    check(content, Reading("csv", Columns(), delimiter, "mysql"), known)
    check(content, Reading("csv", Columns(), delimiter, "mysql", ("\\N",)), users)


def check_results(file: Path, users: Users) -> None:
    """Assert that the results are of these users, and that each signs in."""
    found = read_results(file)
    assert [result["id"] for result in found] == [name for name, _ in users]
    pairs = []
    for result, (_, password) in zip(found, users, strict=True):
        if not password or len(password) > 72:
            assert result["error"] == ("password_too_long" if password else "missing_password")
        else:
            pairs.append((password, result["hash"].encode()))
    assert all(bcrypt_batch.verify_many(*zip(*pairs, strict=True)).values)
    assert len(pairs) > 100


def test_the_recipe_for_postgres(in_postgres: tuple[Database, Users], tmp_path: Path) -> None:
    database, users = in_postgres
    assert shell(block("docs/bulk.md", "postgres"), tmp_path, **database.environment) == 1
    check_results(tmp_path / "hashed.jsonl", users)


def test_the_recipe_for_mariadb(in_mariadb: tuple[Database, Users], tmp_path: Path) -> None:
    database, users = in_mariadb
    assert shell(block("docs/bulk.md", "mariadb"), tmp_path, **database.environment) == 1
    known = [(name, None if password == b"NULL" else password) for name, password in users]
    check_results(tmp_path / "hashed.jsonl", known)


def test_the_recipe_for_outfile(in_mariadb: tuple[Database, Users], tmp_path: Path) -> None:
    database, users = in_mariadb
    folder = str(database.folder / "temporary")
    text = block("docs/bulk.md", "outfile").replace("/var/lib/mysql-files", folder)
    assert shell(text, tmp_path, **database.environment) == 1
    check_results(tmp_path / "hashed.jsonl", users)


def test_the_recipe_for_wordpress(in_mariadb: tuple[Database, Users], tmp_path: Path) -> None:
    """With the hashes of WordPress 6.8 and of older versions, which stay until a login."""
    database, _ = in_mariadb
    stored = bcrypt_batch.hash_many([b"pw"], cost=4, scheme="wordpress").values[0]
    assert stored
    older = b"$P$B" + b"a" * 30
    rows = ",".join(f"('u{i}', X'{text.hex()}')" for i, text in enumerate([stored, older]))
    database.ask(
        "create database wordpress; create table wordpress.wp_users (user_login varchar(60), "
        f"user_pass varchar(255)); insert into wordpress.wp_users values {rows};"
    )
    text = block("docs/bulk.md", "wordpress")
    assert shell(f"{{ {text}\n}} > counts", tmp_path, **database.environment) == 0
    counts = (tmp_path / "counts").read_text()
    assert "1  bcrypt, scheme wordpress (row 0)" in counts
    assert "1  not bcrypt: phpass, unsupported_scheme (row 1)" in counts
