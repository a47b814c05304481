"""Tables in Parquet: types that JSON has are kept, others are refused."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import bcrypt_batch
from bcrypt_batch.tables.cli import main
from tests.tables.programs import hash_of
from tests.tables.samples import read_results


def test_parquet(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed (group tables)")
    from pyarrow import parquet

    file, output = tmp_path / "users.parquet", tmp_path / "o.jsonl"
    columns = {"id": [1, 2, 3], "password": ["00123", None, ""], "email": ["a", "b", None]}
    parquet.write_table(pyarrow.table(columns), file)
    assert hash_of(file, output, "--keep", "email") == 1
    found = read_results(output)
    assert bcrypt_batch.checkpw(b"00123", found[0].pop("hash").encode())
    assert found == [
        {"row": 0, "id": 1, "email": "a"},
        {"row": 1, "id": 2, "email": "b", "error": "missing_password"},
        {"row": 2, "id": 3, "email": None, "error": "missing_password"},
    ]
    parquet.write_table(pyarrow.table({"password": [123]}), file)
    assert hash_of(file, output, "--force") == 2


def written(tmp_path: Path, **columns: Any) -> Path:
    """Write Parquet in pages that are not compressed."""
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed (group tables)")
    from pyarrow import parquet

    file = tmp_path / "users.parquet"
    table = pyarrow.table([*columns.values()], names=[name.rstrip("_") for name in columns])
    parquet.write_table(table, file, compression="none", use_dictionary=False)
    return file


def test_what_json_lacks_in_parquet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed (group tables)")
    output = tmp_path / "o.jsonl"
    odd = {
        "timestamp[us]": [datetime(2026, 1, 1)],
        "date32[day]": [date(2026, 1, 1)],
        "decimal128(2, 1)": [Decimal("1.5")],
        "binary": [b"x"],
        "list<": [["x"]],
        "struct<": [{"x": 1}],
    }
    for kind, values in odd.items():
        file = written(tmp_path, password=["a"], x=values)
        for option in ("--keep", "--id-column"):
            assert hash_of(file, output, option, "x") == 2
            said = capsys.readouterr().err
            assert f"column 'x' must be text, numbers or booleans, not {kind}" in said
    file = written(tmp_path, password=["a"], id=[True])
    assert hash_of(file, output) == 2
    assert "column 'id' must be text or numbers, not bool" in capsys.readouterr().err
    file = written(tmp_path, password=["a"], x=["b"], x_=["c"])
    assert hash_of(file, output, "--keep", "x") == 2
    assert "more than one column 'x'" in capsys.readouterr().err
    assert not output.exists()
    text = pyarrow.array([b"caf\xe9", None, b"c"]).view(pyarrow.string())
    file = written(
        tmp_path, password=text, id=[1.5, float("nan"), float("-inf")], latin=text,
        active=[True, None, False], nothing=[None] * 3,
    )  # fmt: skip
    keep = [word for name in ("latin", "active", "nothing") for word in ("--keep", name)]
    assert hash_of(file, output, *keep) == 1
    found = read_results(output)
    assert bcrypt_batch.checkpw(b"caf\xe9", found[0].pop("hash").encode())
    del found[2]["hash"]
    assert found == [
        {"row": 0, "id": 1.5, "latin": "caf\udce9", "active": True, "nothing": None},
        {"row": 1, "latin": None, "active": None, "nothing": None, "error": "missing_password"},
        {"row": 2, "latin": "c", "active": False, "nothing": None},
    ]


def test_categories_are_text(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed (group tables)")
    from pyarrow import parquet

    file, output = tmp_path / "users.parquet", tmp_path / "o.jsonl"
    names = ("id", "password", "role")
    columns = {name: pyarrow.array([f"{name}{i % 2}" for i in range(4)]) for name in names}
    table = pyarrow.table({name: values.dictionary_encode() for name, values in columns.items()})
    parquet.write_table(table, file)
    assert hash_of(file, output, "--keep", "role") == 0
    found = read_results(output)
    assert [(row["id"], row["role"]) for row in found] == [("id0", "role0"), ("id1", "role1")] * 2
    assert bcrypt_batch.checkpw(b"password1", found[3]["hash"].encode())


def test_damaged_parquet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, output = written(tmp_path, password=["s3cret"] * 100_000), tmp_path / "o.jsonl"
    content = file.read_bytes()
    middle = len(content) // 2
    for damaged, message in (
        (content[:middle] + b"\xff" * 60_000 + content[middle + 60_000 :], "is damaged after"),
        (content[:-100] + content[-8:], "no Parquet can be read from it"),
    ):
        file.write_bytes(damaged)
        arguments = ["verify", str(file), "--hash-column", "password", "--output", str(output)]
        assert main([*arguments, "--force", "--quiet"]) == 2
        said = capsys.readouterr().err
        assert message in said
        assert "s3cret" not in said
