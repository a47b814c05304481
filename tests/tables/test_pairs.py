"""bcrypt-batch verify --hashes: a table, and the results that have its hashes."""

from __future__ import annotations

import io
import json
import os
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bcrypt_batch.tables.cli import main
from bcrypt_batch.tables.kinds import InvalidTable
from bcrypt_batch.tables.notes import Notes
from bcrypt_batch.tables.pairs import Pairing
from bcrypt_batch.tables.rows import Reading, Row
from bcrypt_batch.tables.source import Source, Table
from tests.examples import examples
from tests.tables.samples import read_results

Said = pytest.CaptureFixture[str]
Change = Callable[[list[bytes]], list[bytes]]
CONTENT = b'id,password\nu0,a\nu1,\n"u,2",' + b"s3cret" * 13 + b"\n\xff,\nu4,b\n"
OUTCOMES = [True, "missing_password", "missing_hash", "missing_password", True]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Return a table of five rows, three of them in error when hashing."""
    (file := tmp_path / "users.csv").write_bytes(CONTENT)
    return file


@pytest.fixture
def hashes(table: Path, capsys: Said) -> Path:
    """Return the table's results."""
    file = table.with_name("hashed.jsonl")
    assert main(["hash", str(table), "-o", str(file), "-c", "4"]) == 1
    capsys.readouterr()
    return file


def verify(file: Path, hashes: Path, *options: str) -> int:
    output = file.with_name("checked.jsonl")
    return main(["verify", str(file), "--hashes", str(hashes), "-o", str(output), *options])


def outcomes(file: Path) -> list[Any]:
    results = read_results(file.with_name("checked.jsonl"))
    return [row.get("match", row.get("error")) for row in results]


def change(file: Path, change: Change) -> None:
    file.write_bytes(b"".join(line + b"\n" for line in change(file.read_bytes().splitlines())))


def test_a_table_is_verified_with_its_results(table: Path, hashes: Path, capsys: Said) -> None:
    assert verify(table, hashes) == 1
    assert outcomes(table) == OUTCOMES
    assert f"pairs rows with {hashes} by id\n" in capsys.readouterr().err
    table.write_bytes(CONTENT.replace(b"u4,b", b"u4,x"))
    assert verify(table, hashes, "--force", "--quiet") == 1
    assert outcomes(table) == [*OUTCOMES[:-1], False]
    assert capsys.readouterr().err == ""
    checked = table.with_name("checked.jsonl")
    change(checked, lambda lines: lines[:2])
    assert verify(table, hashes, "--resume") == 1
    assert len(outcomes(table)) == 5
    hashes.write_bytes(hashes.read_bytes() + b"\n")
    assert verify(table, hashes, "--resume") == 2
    assert f"{hashes} has no result on line 6" in capsys.readouterr().err
    change(hashes, lambda lines: [*lines[:5], b"{}"])
    assert verify(table, hashes, "--resume") == 2
    assert "was made with other --hashes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("results", "found", "ids"),
    [
        (lambda lines: lines[::-1], OUTCOMES, None),
        (lambda lines: lines[:4], [*OUTCOMES[:4], "missing_hash"], "not in --hashes 1"),
        (
            lambda lines: [lines[0].replace(b"u0", b"u9"), *lines[1:]],
            ["missing_hash", *OUTCOMES[1:]],
            "not in --hashes 1, in --hashes only 1",
        ),
        (lambda lines: [*lines, b'{"id": 5, "hash": ""}'], OUTCOMES, "in --hashes only 1"),
    ],
)
def test_ids_pair_rows_with_results_in_any_order(
    table: Path, hashes: Path, capsys: Said, results: Change, found: list[Any], ids: str | None
) -> None:
    """Ids of one side only are counted."""
    change(hashes, results)
    assert verify(table, hashes) == 1
    assert outcomes(table) == found
    said = capsys.readouterr().err
    assert f"pairs rows with {hashes} by id\n" in said
    assert f"{'' if ids is None else f'; ids: {ids}'}; 5 in this run" in said
    assert ("; ids: " in said) is (ids is not None)


def test_ids_of_the_table_that_are_missing_or_repeated_are_counted(
    table: Path, hashes: Path, capsys: Said
) -> None:
    table.write_bytes(CONTENT + b",b\nu4,a\nu4,b\n")
    assert verify(table, hashes) == 1
    assert outcomes(table) == [*OUTCOMES, "missing_hash", False, True]
    assert "; ids: repeated 2, missing 1; 8 in this run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("users", "results", "why"),
    [
        (b"id,password\nu0,a\nu0,b\n", lambda lines: lines, "its line 2 repeats an id"),
        (b"id,password\nu0,a\n,b\n", lambda lines: lines, "its line 2 has a hash and no id"),
        (b"name,password\nu0,a\nu1,b\n", lambda lines: lines, "the table has no ids"),
        (
            b"id,password\nu0,a\nu1,b\n",
            lambda lines: [line.replace(b'"id"', b'"name"') for line in lines],
            "its line 1 has a hash and no id",
        ),
        (
            b"id,password\nu0,\n",
            lambda lines: [line.replace(b'"id"', b'"name"') for line in lines],
            "it has no ids",
        ),
    ],
)
def test_rows_go_by_number_where_ids_name_not_one_result_each(
    tmp_path: Path, capsys: Said, users: bytes, results: Change, why: str
) -> None:
    (table := tmp_path / "users.csv").write_bytes(users)
    hashes = tmp_path / "hashed.jsonl"
    main(["hash", str(table), "-o", str(hashes), "-c", "4"])
    change(hashes, results)
    assert verify(table, hashes) == users.count(b"u0,\n")
    assert f"pairs rows with {hashes} by row number: {why}\n" in capsys.readouterr().err
    assert outcomes(table) == ([True, True] if b",b" in users else ["missing_password"])


def test_results_from_a_pipe_go_by_number(table: Path, hashes: Path, capsys: Said) -> None:
    os.mkfifo(pipe := table.with_name("pipe"))
    content = hashes.read_bytes()
    writer = threading.Thread(target=pipe.write_bytes, args=[content])
    writer.start()
    assert verify(table, pipe) == 1
    writer.join()
    assert outcomes(table) == OUTCOMES
    assert "by row number: a pipe can't be read twice" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change_lines", "message"),
    [
        (lambda lines: [*lines[:2], *lines[3:]], "no result on line 3, where row 2 belongs; it"),
        (lambda lines: lines[:5], "has no result on line 6, where row 5 belongs; it must be"),
        (lambda lines: [*lines, b"{}"], "has more results than the table's 6 rows"),
        (lambda lines: [lines[0].replace(b"u0", b"u9"), *lines[1:]], "row 0 has another id in"),
        (lambda _: [b"row,id,hash,error"], "has no result on line 1; it must be"),
        (lambda lines: [b"[1]", *lines[1:]], "has no result on line 1; it must be"),
    ],
)
def test_results_of_another_table_are_refused(
    table: Path, capsys: Said, change_lines: Change, message: str
) -> None:
    """Ids that repeat leave the row numbers, and both must agree then."""
    table.write_bytes(CONTENT.replace(b"u1", b"u4") + b"u5,c\n")
    hashes = table.with_name("hashed.jsonl")
    assert main(["hash", str(table), "-o", str(hashes), "-c", "4"]) == 1
    change(hashes, change_lines)
    capsys.readouterr()
    assert verify(table, hashes) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "$2b$" not in said


def test_two_places_for_hashes_are_refused(table: Path, capsys: Said) -> None:
    assert verify(table, table, "--hash-column", "h") == 2
    assert "--hashes and --hash-column are two places" in capsys.readouterr().err
    assert main(["verify", str(table), "--hashes", str(table), "-o", str(table)]) == 2
    assert "--output is the input itself" in capsys.readouterr().err


def rows_of(identities: list[Any]) -> list[Row]:
    """Return rows with these ids; `...` is a row that can't be read."""
    return [
        Row(i, None, None, None, "malformed_row") if name is ... else Row(i, name, b"p", None)
        for i, name in enumerate(identities)
    ]


def pairing_of(rows: list[Row]) -> Pairing:
    return Pairing(Table(iter(rows), None, Source("t", Reading("jsonl")), Notes()))


IDS = st.sampled_from(["a", "b", "c", "d", "7", 7, 7.5, 0, "", None, ...])
RESULTS = st.lists(st.tuples(IDS, st.booleans()), max_size=6)


@settings(max_examples=examples(100))
@given(st.lists(IDS, max_size=6), RESULTS, st.booleans(), st.randoms(use_true_random=False))
def test_no_row_gets_the_hash_of_another_id(
    identities: list[Any], others: list[tuple[Any, bool]], own: bool, chance: Any
) -> None:
    """Whichever results: the table's own in any order, or any at all."""
    rows = rows_of(identities)
    results = []
    for i, (name, hashed) in enumerate([(name, True) for name in identities] if own else others):
        result = {"row": i} | ({} if name in (..., None) else {"id": name})
        unread = name is ... or not hashed
        results.append(result | ({"error": "e"} if unread else {"hash": f"hash {i}"}))
    chance.shuffle(results)
    by_name: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        by_name.setdefault(str(result.get("id", "")), []).append(result)
    nameless = by_name.pop("", [])
    names = [None if row.id in (None, "") else str(row.id) for row in rows]
    first = next((row for row in rows if not row.error), None)
    exact = (
        first is not None and first.id is not None and by_name
        and all(len(named) == 1 for named in by_name.values())
        and not any("hash" in result for result in nameless)
    )  # fmt: skip
    try:
        pairing = pairing_of(rows)
        pairing.take(io.BytesIO(b"".join(f"{json.dumps(r)}\n".encode() for r in results)), "r")
        found = list(pairing.table.rows)
    except InvalidTable:
        assert not exact
        return
    assert (
        pairing.how == "pairs rows with r by id"
        if exact
        else " by row number: " in str(pairing.how)
    )
    assert len(found) == len(rows)
    readable = [(i, name) for i, name in enumerate(names) if not rows[i].error]
    for i, name in readable:
        if exact:
            (result,) = by_name.get(name or "", [{}])
        else:
            result = results[i]
            assert result["row"] == i
            assert not name or str(result.get("id", "")) in ("", name)
        assert found[i] == rows[i]._replace(hash=result.get("hash", "").encode() or None)
    counted = {name for _, name in readable if name in by_name}
    assert dict(+pairing.unpaired) == ({
        key: number for key, number in {
            "missing": sum(not name for _, name in readable),
            "not in --hashes": sum(bool(name) and name not in by_name for _, name in readable),
            "repeated": sum(name in by_name for _, name in readable) - len(counted),
            "in --hashes only": len(by_name) - len(counted),
        }.items() if number
    } if exact else {})  # fmt: skip


def test_the_memory_of_ids_has_the_documented_bound() -> None:
    hashed = "$2b$12$" + "." * 53
    lines = (f'{{"row": 0, "id": "user{i:08}", "hash": "{hashed}"}}\n' for i in range(5_000))
    file = io.BytesIO("".join(lines).encode())
    pairing = pairing_of(rows_of(["user00000000"]))
    tracemalloc.start()
    pairing.take(file, "r")
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 300 * 5_000
