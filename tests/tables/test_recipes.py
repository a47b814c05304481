"""The recipe for polars in docs/bulk.md, run as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import bcrypt_batch

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "bulk.md"


def recipes() -> dict[str, str]:
    """Return the document's blocks of Python by the library that they import."""
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    return {
        re.findall(r"^(?:import|from) (\w+)", block, re.MULTILINE)[-1]: block for block in blocks
    }


def test_polars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    polars = pytest.importorskip("polars", reason="polars is not installed (group tables)")
    (tmp_path / "users.csv").write_text("id,password\nu0,00123\nu1,\nu2,caf\u00e9\nu3,NULL\n")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(recipes()["polars"].replace("cost=12", "cost=4"), names)
    found = polars.read_parquet("hashed.parquet")
    assert found.columns == ["id", "hash"]
    assert found["id"].to_list() == ["u0", "u1", "u2", "u3"]
    first, missing, *rest = found["hash"].to_list()
    assert missing is None
    assert bcrypt_batch.checkpw(b"00123", first.encode())
    pairs = zip(["caf\u00e9", "NULL"], rest, strict=True)
    assert all(bcrypt_batch.checkpw(p.encode(), h.encode()) for p, h in pairs)


@pytest.mark.parametrize("library", ["polars", "pyspark", "ray", "dask"])
def test_every_recipe_compiles(library: str) -> None:
    compile(recipes()[library], library, "exec")
