"""Answers of other implementations, through every variant, lane count and entry point.

tests/vectors/implementations.json has what the tests of sixteen public implementations expect, and
which file of each says so; tests/vectors/random_answers.jsonl has hashes of random passwords that
three implementations made. CI=1 tries the costly answers, and those with every variant too, and
every answer with every lane count instead of a sixteenth of them.
"""

from __future__ import annotations

import base64
import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import bcrypt
import pytest

from bcrypt_batch import _native, checkpw, hash_many, hashpw, verify_many
from bcrypt_batch.tables.cli import main
from tests.examples import THOROUGH, thorough
from tests.invoked import call
from tests.kernels import Vector, compute, radix64_decode

VECTORS = Path(__file__).parent / "vectors"
IMPLEMENTATIONS = json.loads((VECTORS / "implementations.json").read_text())
ALL = 31  # costs up to this
SOON = (
    8 if THOROUGH else 5
)  # tested in every way; the few of a higher cost would take most of the time


class Known(NamedTuple):
    """An entry: `expected` is True, False, or "invalid_hash" if its source refuses the hash."""

    source: str
    password: bytes
    hash: bytes
    expected: bool | str


def cost(hashed: bytes) -> int:
    return int(hashed[4:6]) if hashed[4:6].isdigit() else 0


@pytest.fixture(scope="session")
def known() -> list[Known]:
    return [
        Known(
            entry["source"],
            bytes.fromhex(entry["password_hex"]),
            entry["hash"].encode("utf-8", "surrogateescape"),
            "invalid_hash" if entry["expect"] == "refused" else entry["expect"],
        )
        for entry in IMPLEMENTATIONS
    ]


# Deliberate differences from an entry's source, and the number of the 2,695 entries with each.
DIFFERENCES = {
    "prefix $2$": 11,  # refused, as pyca/bcrypt does: its keys have no NUL, and nobody makes them
    "cost 00": 2,  # Spring accepts cost 00; bcrypt begins at 4
    "2x as a mere label": 2,  # 2x means the sign extension for which it was invented
    "not 60 bytes": 3,  # pyca's checkpw and node return False
    "padding bits in the salt": 7,  # passlib repairs, node and PHP compare text; OpenBSD makes none
    "padding bits in the digest": 1,  # passlib repairs; we compare a digest as text
    "length that wraps": 2,  # node does as OpenBSD did before 2b, whose 2a took lengths modulo 256
    "safety of 2a": 12,  # crypt_blowfish's, for passwords with bytes of 0xff; OpenBSD has no such
}


def difference(entry: Known) -> str:
    if entry.hash.startswith(b"$2$"):
        return "prefix $2$"
    if entry.hash[4:6] == b"00":
        return "cost 00"
    if entry.hash.startswith(b"$2x$"):
        return "2x as a mere label"
    if len(entry.hash) != 60:
        return "not 60 bytes"
    if entry.hash[28] not in b".Oeu":
        return "padding bits in the salt"
    if entry.hash[59] not in b".CGKOSWaeimquy26":
        return "padding bits in the digest"
    if len(entry.password) == 255:
        return "length that wraps"
    assert entry.hash.startswith(b"$2a$"), entry
    assert b"\xff" in entry.password, entry
    return "safety of 2a"


def verified(entries: list[Known]) -> list[bool | str]:
    """verify_many's answer to each entry."""
    result = verify_many([e.password for e in entries], [e.hash for e in entries], max_cost=ALL)
    errors = {i: error.code for i, error in result.errors.items()}
    answers = [errors.get(i, value) for i, value in enumerate(result.values)]
    return [answer for answer in answers if answer is not None]


@pytest.fixture(scope="session")
def soon(known: list[Known]) -> list[tuple[Known, bool | str]]:
    """The entries of low cost, and verify_many's answer to each."""
    entries = [e for e in known if cost(e.hash) <= SOON]
    return list(zip(entries, verified(entries), strict=True))


def test_there_are_sixteen_implementations() -> None:
    """Projects, not files: SECURITY.md gives their number."""
    assert len({entry["source"].split()[0] for entry in IMPLEMENTATIONS}) == 16


def test_others_answers(known: list[Known]) -> None:
    """But for the differences above; most of cost 12, which take the longest, where CI is set."""
    entries = [e for e in known if THOROUGH or cost(e.hash) < 12 or e.hash.startswith(b"$2x$")]
    answers = verified(entries)
    pairs = zip(entries, answers, strict=True)
    assert Counter(difference(e) for e, said in pairs if said != e.expected) == DIFFERENCES
    assert Counter(answers) >= Counter({True: 1900, False: 150, "invalid_hash": 500})


def test_others_answers_through_every_variant_and_lane_count(
    kernel: str, lanes: int, soon: list[tuple[Known, bool | str]]
) -> None:
    well_formed = [(e, answer) for e, answer in soon if answer != "invalid_hash"]
    some = well_formed if THOROUGH else well_formed[lanes::16]
    items: list[Vector] = [(e.password, e.hash) for e, _ in some]
    made = compute(kernel, lanes, items)
    matches = [hashed == e[1] for hashed, e in zip(made, items, strict=True)]
    assert matches == [answer for _, answer in some]


@thorough
def test_costly_answers_through_every_variant(kernel: str, known: list[Known]) -> None:
    items = [(e.password, e.hash) for e in known if e.expected is True and cost(e.hash) > SOON]
    assert compute(kernel, 6, items) == [hashed for _, hashed in items]


def outcome(function: Callable[[bytes, bytes], object], *arguments: bytes) -> object:
    try:
        return function(*arguments)
    except ValueError:
        return ValueError


def test_others_answers_one_at_a_time(soon: list[tuple[Known, bool | str]]) -> None:
    """Malformed hashes and long passwords are refused, or don't match, as in pyca/bcrypt."""
    for entry, answer in soon if THOROUGH else soon[::32]:
        pair = entry.password, entry.hash
        if answer == "invalid_hash" or len(entry.password) > 72:
            said = outcome(checkpw, *pair)
            assert said in (ValueError, False)
            assert said == outcome(bcrypt.checkpw, *pair), entry
            assert outcome(hashpw, *pair) == outcome(bcrypt.hashpw, *pair)
        else:
            assert checkpw(*pair) is answer
            assert (hashpw(*pair) == entry.hash) is answer


def by_setting(items: list[Vector]) -> Iterator[tuple[bytes, int, list[Vector]]]:
    found: dict[tuple[bytes, int], list[Vector]] = {}
    for password, hashed in items:
        found.setdefault((hashed[1:3], cost(hashed)), []).append((password, hashed))
    for (prefix, cost_), group in found.items():
        yield prefix, cost_, group


def test_others_answers_are_made_by_hash_many(soon: list[tuple[Known, bool | str]]) -> None:
    items = [(e.password, e.hash) for e, answer in soon if answer is True]
    made = 0
    for prefix, of_cost, group in by_setting(items):
        if prefix == b"2x":
            continue  # verified, never made
        result = hash_many(
            [password for password, _ in group],
            cost=of_cost,
            prefix=prefix,
            salts=[radix64_decode(hashed[7:29]) for _, hashed in group],
            truncate=True,
        )
        assert result.values == [hashed for _, hashed in group]
        made += len(group)
    assert made > 1000


def test_others_answers_through_the_command_line(
    soon: list[tuple[Known, bool | str]], tmp_path: Path
) -> None:
    file, output = tmp_path / "users.csv", tmp_path / "out.jsonl"
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(("password", "hash"))
    for entry, _ in soon:
        writer.writerow(
            field.decode("utf-8", "surrogateescape") for field in (entry.password, entry.hash)
        )
    file.write_bytes(text.getvalue().encode("utf-8", "surrogateescape"))
    options = ["--output", str(output), "--allow-empty", "--max-cost", str(ALL), "--quiet"]
    assert main(["verify", str(file), *options]) == 1
    found = [json.loads(line) for line in output.read_bytes().splitlines()]
    said = [line.get("match", line.get("error")) for line in found]
    assert said == [answer if e.hash else "missing_hash" for e, answer in soon]


def test_others_answers_through_the_handler(soon: list[tuple[Known, bool | str]]) -> None:
    asked = [(e, answer) for e, answer in soon if e.hash.isascii()]
    for first in range(0, len(asked), 1000):
        part = asked[first : first + 1000]
        answer: dict[str, Any] = call(
            {
                "encoding": "base64",
                "max_cost": ALL,
                "verify": [
                    {"password": base64.b64encode(e.password).decode(), "hash": e.hash.decode()}
                    for e, _ in part
                ],
            }
        )
        errors = {error["index"]: error["code"] for error in answer.get("errors", [])}
        said = [errors.get(i, match) for i, match in enumerate(answer["matches"])]
        assert said == [expected for _, expected in part]


def test_answers_made_with_three_implementations(kernel: str) -> None:
    """As many of them with each lane count; a quarter of all, but where CI is set."""
    found = [
        json.loads(line) for line in (VECTORS / "random_answers.jsonl").read_text().splitlines()
    ]
    assert Counter(each["by"] for each in found) == dict.fromkeys(
        ("libxcrypt", "pyca/bcrypt", "bcryptjs"), 500
    )
    items = [(bytes.fromhex(each["password_hex"]), each["hash"].encode()) for each in found]
    most = _native.max_lanes(kernel)
    for lanes in range(1, most + 1):
        some = items[lanes - 1 :: most if THOROUGH else 4 * most]
        assert compute(kernel, lanes, some) == [hashed for _, hashed in some]
