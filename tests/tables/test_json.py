"""JSON: arrays as a stream, documents that are refused, keys that no object has."""

from __future__ import annotations

import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bcrypt_batch.tables.cli import main
from bcrypt_batch.tables.kinds import InvalidTable
from bcrypt_batch.tables.lines import MAX_RECORD_BYTES, Lines
from bcrypt_batch.tables.reading import read_layout, read_rows
from bcrypt_batch.tables.rows import Columns, Reading, Row
from tests.examples import examples
from tests.tables.programs import hash_of
from tests.tables.samples import read_results


def read(content: bytes, form: str = "json", **options: Any) -> list[Row]:
    lines, reading, layout = read_layout(io.BytesIO(content), Reading(form, **options))
    return list(read_rows(lines, reading, layout))


TEXTS = st.text(st.sampled_from('a",:[]{}\\\n\t\0\u00e9\u20ac\U0001f511'), max_size=8)
VALUES = st.recursive(TEXTS | st.integers() | st.none(), lambda inner: st.lists(inner, max_size=2))


@settings(max_examples=examples(60))
@given(
    users=st.lists(st.tuples(TEXTS, TEXTS, VALUES), max_size=8),
    written=st.sampled_from(
        [{}, {"indent": 2}, {"separators": (",", ":")}, {"ensure_ascii": False}]
    ),
    begins=st.sampled_from([b"", b"\xef\xbb\xbf", b"\n  ", b"\n" + b" " * 100]),
)
def test_an_array_has_the_rows_of_its_objects(
    users: list[tuple[str, str, Any]], written: dict[str, Any], begins: bytes
) -> None:
    """So has each piece between rows, as chunks are."""
    made = [{"id": name, "password": word, "x": value} for name, word, value in users]
    content = begins + json.dumps(made, **written).encode() + b" \n"
    rows = read(content, columns=Columns(keep=("x",)))
    known = [(name, word.encode(), (value,)) for name, word, value in users]
    assert [(row.id, row.password, row.kept) for row in rows] == known
    assert all(content[row.start :].startswith(b"{") for row in rows)
    reading = Reading("json", Columns(keep=("x",)))
    for first, row in enumerate(rows):
        for end in (*(other.start for other in rows[first + 1 :]), len(content)):
            piece = Lines(io.BytesIO(content[row.start : end]), row.start)
            again = list(read_rows(piece, reading, piece=True))
            assert again == rows[first : first + len(again)]
            assert again


@pytest.mark.parametrize(
    "content",
    [
        b'[{"id": 1, "password": "a"},\n {"id": 2, "password": "b"}]',
        b'[\n{"id": 1, "password": "a"},\n{"id": 2, "password": "b"}\n]\n',
        b'[{"id": 1, "password": "a"}, {"id": 2, "password": "b"}]',
    ],
)
def test_an_array_that_is_recognized_by_its_first_line(content: bytes, tmp_path: Path) -> None:
    (table := tmp_path / "users").write_bytes(content)
    assert hash_of(table, tmp_path / "o") == 0
    assert [result["id"] for result in read_results(tmp_path / "o")] == [1, 2]


def test_values_that_are_no_objects_are_errors() -> None:
    rows = read(b'[{"password": "a"}, 12, "x", [{"password": "b"}], null, {"password": 5}]')
    assert [row.error or row.password for row in rows] == [b"a", *["wrong_type"] * 5]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'[{"password": "a"}', "has no end"),
        (b'[{"password": "a"},', "has no end"),
        (b'[{"password": "a"}, {"passw', "malformed or too long at byte 20"),
        (b'[{"password": "a"}, nonsense]' + b" " * 2_000_000, "malformed or too long at byte 20"),
        (b'[{"password": "' + b"x" * 2 * MAX_RECORD_BYTES + b'"}]', "too long at byte 1"),
        (b'[{"password": "a"}]\n[{"password": "b"}]\n', "more follows"),
        (b'[{"password": "a"}]' + b" " * 100_000 + b"x", "more follows"),
        (b'{\n  "users": [\n    {"password": "a"}\n  ]\n}\n', r"jq -c '\.users\[\]'"),
        (b'{"users": [{"password": "a"}]}', "one JSON document"),
        (b'{"users": [{"password": "%b"}]}' % (b"a" * 2 * MAX_RECORD_BYTES), "one JSON document"),
        (b'{"kind": "x", "users": [\n', "one JSON document"),
        (b'[{"passwort": "a"}]', "no row has the key 'password'; --password-column names"),
    ],
)
@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_json_that_is_no_table_is_refused(content: bytes, said: str, form: str) -> None:
    with pytest.raises(InvalidTable, match=said):
        read(content, form)


def test_what_is_assumed_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (lines := tmp_path / "users.json").write_bytes(b'{"password": "a"}\n{"password": "b"}\n')
    (array := tmp_path / "users.jsonl").write_bytes(
        b'[\n{"password": "a"},\n{"password": "b"}\n]\n'
    )
    for file, form in ((lines, "jsonl"), (array, "json")):
        assert main(["hash", str(file), "-c", "4", "--allow-empty"]) == 0
        shown, said = capfd.readouterr()
        assert len(shown.splitlines()) == 2
        assert f"{file} looks like {form}; --format says otherwise" in said


@pytest.mark.parametrize(
    ("columns", "key"),
    [
        (Columns("pw"), "pw"),
        (Columns(id="_id"), "_id"),
        (Columns(hash="hash"), "hash"),
        (Columns(keep=("mail", "x")), "x"),
    ],
)
def test_a_key_that_no_object_has(columns: Columns, key: str) -> None:
    content = b'{"password": null}\n[1]\n{"mail": ""}\nx\n'
    with pytest.raises(InvalidTable, match=f"no row has the key '{key}'"):
        read(content, "jsonl", columns=columns)
    assert len(read(content, "jsonl")) == 4
    assert len(read(b"", "jsonl", columns=columns)) == 0


def test_a_wrong_key_makes_no_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (table := tmp_path / "users.jsonl").write_bytes(b'{"id": 1, "passwort": "x"}\n')
    output = tmp_path / "hashed.jsonl"
    assert hash_of(table, output) == 2
    assert "no row has the key 'password'" in capsys.readouterr().err
    assert not output.exists()
    table.write_bytes(b'{"id": 1, "passwort": "x"}\n' * 1500)
    assert hash_of(table, output) == 2


def test_ids_of_mongodb(tmp_path: Path) -> None:
    users = [{"_id": {"$oid": "65f0"}, "password": "x"}, {"_id": {"a": 1}, "password": "x"}]
    (table := tmp_path / "users.json").write_text("\n".join(map(json.dumps, users)))
    assert hash_of(table, tmp_path / "o", "--id-column", "_id") == 1
    first, second = read_results(tmp_path / "o")
    assert first["id"] == "65f0"
    assert second["error"] == "wrong_type"


def test_an_array_takes_bounded_memory() -> None:
    user = b'{"id": "u", "password": "%b"}, ' % (b"x" * 1000)
    content = b"[" + user * 20_000 + user.rstrip(b", ") + b"]"
    tracemalloc.start()
    lines, reading, _ = read_layout(io.BytesIO(content), Reading("json"))
    count = sum(1 for _ in read_rows(lines, reading))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 20_001
    assert peak < 3 * MAX_RECORD_BYTES


@pytest.mark.parametrize("encoding", ["cp1252", "shift_jis"])
def test_an_array_in_another_encoding(encoding: str) -> None:
    word = {"cp1252": "\u00fc", "shift_jis": "\u8868"}[encoding]
    users = [{"password": word, "id": i} for i in range(9)]
    content = json.dumps(users, ensure_ascii=False).encode(encoding)
    assert [row.password for row in read(content, encoding=encoding)] == [word.encode()] * 9
    wrong = content.replace(word.encode(encoding), b"\x81\x3f", 1)
    found = [row.error or row.password for row in read(wrong, encoding=encoding)]
    assert found == ["wrong_encoding", *[word.encode()] * 8]
