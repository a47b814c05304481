"""Tables with awkward passwords, and the expected result of each row."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import bcrypt

import bcrypt_batch


class User(NamedTuple):
    """A row; if it is in error, `password` is None and `error` its code."""

    id: str
    password: bytes | None
    error: str | None = None
    text: bytes = b""  # the row as it stands in the file, if not as usual


AWKWARD = [
    b"plain",
    "h\u00f8yt p\u00e5 \U0001f511".encode(),
    b"caf\xe9 in latin-1",
    b"a,b;c\td",
    b'double "quoted" words',
    b'"',
    b'""',
    b"two\nlines",
    b"carriage\r\nreturn",
    b"\nfirst\n\nlast\n",
    b"nul\x00inside",
    b"\x00",
    b" spaces around ",
    b"00123",
    b"NULL",
    b"nan",
    b"x" * 72,
    b"\\ \\n \\u0041",
    b"'single'",
    b"=1+1",
    bytes(range(1, 60)).replace(b"\n", b"").replace(b"\r", b""),
    b"\xff\xfe\xfd",
    b"\xed\xa0\x80",  # half a surrogate pair
    b"#comment",
]


def users(count: int, seed: int = 1) -> list[User]:
    """Return this many rows, a twentieth of them in error."""
    chance = random.Random(seed)
    made = []
    for i in range(count):
        name = f"u{i}"
        kind = chance.randrange(60)
        if kind == 0:
            made.append(User(name, None, "missing_password", b"%b," % name.encode()))
        elif kind == 1:
            made.append(User(name, b"y" * 73, "password_too_long"))
        elif kind == 2:
            made.append(User(name, None, "wrong_number_of_fields", b"%b,a,b,c" % name.encode()))
        else:
            base = AWKWARD[i % len(AWKWARD)]
            made.append(User(name, base if len(base) > 60 else b"%b%d" % (base, i)))
    return made


def as_csv(rows: Iterable[User], newline: bytes = b"\n", delimiter: bytes = b",") -> bytes:
    r"""Return a CSV of id and password; every odd row is quoted, and every value that needs it."""
    lines = [delimiter.join((b"id", b"password"))]
    for i, user in enumerate(rows):
        if user.text:
            lines.append(user.text)
            continue
        assert user.password is not None
        needed = any(c in user.password for c in (b'"', b"\r", b"\n", delimiter))
        quoted = b'"' + user.password.replace(b'"', b'""') + b'"'
        lines.append(user.id.encode() + delimiter + (quoted if needed or i % 2 else user.password))
    return newline.join(lines) + newline


def check(lines: Iterable[bytes], rows: list[User], matches: bool = True) -> int:
    """Assert one line for each row, in order, and that each hash is its password's.

    All are checked by verify_many, about twenty-five by pyca/bcrypt.

    Returns:
        How many rows have an error.
    """
    found = [json.loads(line) for line in lines]
    made: list[tuple[bytes, bytes]] = []
    assert [result["row"] for result in found] == list(range(len(rows)))
    errors = 0
    for result, user in zip(found, rows, strict=True):
        if user.error:
            errors += 1
            assert result["error"] == user.error, (result, user.error)
            assert "hash" not in result
            continue
        assert {*result} == {"row", "id", "hash"}, result
        assert result["id"] == user.id
        assert user.password is not None
        made.append((user.password, result["hash"].encode()))
    assert len({hashed for _, hashed in made}) == len(made)
    if matches:
        assert all(bcrypt_batch.verify_many(*zip(*made, strict=True)).values)
        for password, hashed in made[:: 1 + len(made) // 25]:
            assert bcrypt.checkpw(password, hashed)
    return errors


def check_nothing_secret(text: str, rows: list[User], where: str = "") -> None:
    """Assert that a text contains no hash, and none of the passwords, as text or as JSON."""
    assert not re.search(r"\$2[abxy]\$\d\d", text), where
    for password in (user.password for user in rows):
        if password and len(password) > 4:  # shorter ones are in any text
            shown = password.decode("utf-8", "surrogateescape")
            assert shown not in text, where
            assert json.dumps(shown)[1:-1] not in text, where
            assert password.decode("utf-8", "replace") not in text, where


def read_results(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_bytes().splitlines()]
