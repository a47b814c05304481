"""Who can sign in with an exported htpasswd file, in the web servers that read it."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import NamedTuple

import pytest

import bcrypt_batch
from bcrypt_batch.tables.cli import main
from tests.tables.web_servers import serving

AWKWARD = (
    "", "admin", "Admin", "ADMIN", " admin", "  admin", "\tadmin", "\vadmin", "\fadmin", "\radmin",
    "\nadmin", "admin ", "admin\t", "admin\n", "admin\r", "\u00a0admin", "admin\u00a0",
    "\ufeffadmin", "ad min", "ad\u00a0min", "ad\u200bmin", "ad\0min", "ad\x01min", "ad\x7fmin",
    "ad\x85min", "#admin", " #admin", "ad#min", "admin:", ":admin", "ad:min", "a\\", "\\admin",
    "\\", "admin\\\\", "'admin'", '"admin"', "=admin", "-admin", "@admin", "%61dmin", "admin@x",
    "$2y$04$", "\u00e9", "e\u0301", "\u00c9", "\udce9", "\udcc3\udca9", "\udcff", "\ud800",
    "\U0001f600", "\u65e5\u672c", "stra\u00dfe", "strasse", "x" * 255, "x" * 256, "x" * 5000,
    "x" * 20_000, "\u00e9" * 127, "\u00e9" * 128,
)  # fmt: skip
PIECES = (
    *" \t\r\n\0#:\\\"'",
    "\u00a0",
    "\udce9",
    "\u00e9",
    "e\u0301",
    *"abAB",
    "admin",
    "=",
    "\x1f",
)


def names() -> list[str]:
    """Return each awkward name once, and random names made of awkward parts."""
    chosen = random.Random(2026)
    made = ("".join(chosen.choices(PIECES, k=chosen.randint(1, 6))) for _ in range(200))
    return [*dict.fromkeys((*AWKWARD, *made))]


def bytes_of(name: str) -> bytes:
    try:
        return name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return name.encode("utf-8", "surrogatepass")


class Exported(NamedTuple):
    """The result for each name; its password is its position among the names.

    Attributes:
        taken: The names that were exported.
        refused: The others.
        file: The htpasswd file.
    """

    taken: dict[str, bytes]
    refused: dict[str, bytes]
    file: bytes


@pytest.fixture
def exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Exported:
    """Export all names, and then all but those that were refused."""
    monkeypatch.setattr("bcrypt_batch.tables.commands.export.SHOWN", 1000)
    source, output = tmp_path / "hashed.jsonl", tmp_path / "users"
    passwords = {name: b"%d" % i for i, name in enumerate(names())}
    hashes = bcrypt_batch.hash_many([*passwords.values()], cost=4).values
    lines = [
        json.dumps({"row": row, "id": name, "hash": (value or b"").decode()}) + "\n"
        for row, (name, value) in enumerate(zip(passwords, hashes, strict=True))
    ]
    command = ["export", "htpasswd", str(source), "--output", str(output)]
    source.write_text("".join(lines))
    assert main(command) == 2
    assert not output.exists()
    refused = {int(row) for row in re.findall(r": row (\d+): ", capsys.readouterr().err)}
    source.write_text("".join(line for row, line in enumerate(lines) if row not in refused))
    assert main(command) == 0
    pairs = [*enumerate(passwords.items())]
    return Exported(
        dict(pair for row, pair in pairs if row not in refused),
        dict(pair for row, pair in pairs if row in refused),
        output.read_bytes(),
    )


@pytest.mark.parametrize("program", ["apache2", "nginx"])
def test_each_signs_in_by_the_own_password_and_nobody_else_does(
    exported: Exported, program: str
) -> None:
    taken, refused, file = exported
    assert {"Admin", "ad min", "a\\", "\u00e9", "e\u0301", "\udce9", "x" * 255} <= {*taken}
    others = [*taken.values()]
    with serving(program, file) as sign_in:
        for (name, own), other in zip(taken.items(), [*others[1:], others[0]], strict=True):
            assert sign_in(bytes_of(name), own), name
            assert not sign_in(bytes_of(name), other), name
        for name, own in refused.items():
            whole = bytes_of(name)[:5000]  # the longest that a request carries
            for became in {whole, whole.strip(), whole.strip().partition(b":")[0]}:
                assert not sign_in(became, own), (name, became)
