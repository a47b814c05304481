"""Which columns may be read and kept: one rule for the command line and for events."""

from __future__ import annotations

from typing import Any

import pytest

import bcrypt_batch
from bcrypt_batch.tables.cli import main
from bcrypt_batch.tables.compute import Job, compute
from bcrypt_batch.tables.rows import Row
from bulk.start import parse
from fields import InvalidEvent


def asked(operation: str, **table: Any) -> dict[str, Any]:
    place = {"bucket": "b", "key": "in/users.csv"}
    output = {"bucket": "b", "prefix": "runs/r/"}
    return {"operation": operation, "input": {**place, **table}, "output": output}


@pytest.mark.parametrize(
    ("operation", "table", "field"),
    [
        ("hash", {"id_column": ""}, "id_column"),
        ("hash", {"password_column": ""}, "password_column"),
        ("verify", {"hash_column": ""}, "hash_column"),
        ("hash", {"keep": ["mail", ""]}, "keep"),
        ("hash", {"keep": ["password"]}, "keep"),
        ("hash", {"keep": ["row"]}, "keep"),
        ("verify", {"hash_column": "stored", "keep": ["stored"]}, "keep"),
        ("hash", {"id_column": "password"}, "id_column"),
        ("verify", {"hash_column": "stored", "id_column": "stored"}, "id_column"),
        ("hash", {"format": "lines", "id_column": "id"}, "id_column"),
        ("hash", {"format": "lines", "keep": ["mail"]}, "keep"),
        ("verify", {"format": "lines"}, "format"),
    ],
)
def test_one_rule_refuses_columns_of_options_and_of_events(
    operation: str, table: dict[str, Any], field: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [
        word
        for name, value in table.items()
        for one in (value if isinstance(value, list) else [value])
        for word in (f"--{name.replace('_', '-')}", one)
    ]
    assert main([operation, "none.csv", "--output", "none", *options]) == 2
    assert f"--{field.replace('_', '-')} " in capsys.readouterr().err
    with pytest.raises(InvalidEvent, match=f"^input.{field} ") as refused:
        parse(asked(operation, **table))
    assert "stored" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.csv", ("csv", ",")),
        ("a.TSV", ("csv", "\t")),
        ("a.jsonl", ("jsonl", ",")),
        ("a", ("csv", ",")),
    ],
)
def test_the_key_of_an_event_tells_format_and_delimiter(name: str, found: tuple[str, str]) -> None:
    record = parse(asked("hash", key=f"in/{name}")).record
    assert (record.reading.form, record.reading.delimiter) == found


def test_an_empty_hash_of_a_table_is_a_missing_one_and_elsewhere_an_invalid_one() -> None:
    """A CSV can't tell an empty value from none; arguments and events have None."""
    (outcome,) = compute(Job("verify"), [Row(0, None, b"a", b"")]).outcomes
    assert outcome.error == "missing_hash"
    result = bcrypt_batch.verify_many([b"a", b"a"], [b"", None])
    assert [result.errors[i].code for i in (0, 1)] == ["invalid_hash", "missing_hash"]
