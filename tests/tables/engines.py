"""Stand-ins for Spark, Ray, Dask and pandas, with the functions that the recipes use.

They read CSV like the real ones with the options of a recipe, and support no other options.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

Table = dict[str, list[Any]]


def read(path: str, missing: str | None) -> Table:
    """Read strings, by the names in the header; `missing` stands for nothing."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] or missing for row in rows] for name in rows[0]}


class Dataset:
    """A table in two parts, and a function that makes the columns of the result of each."""

    def __init__(self, table: Table, arrow: bool = True) -> None:
        self.parts = [{name: table[name][i::2] for name in table} for i in range(2)]
        self.arrow = arrow
        self.results: list[Table] = []

    def repartition(self, count: int = 0, *, npartitions: int = 0) -> Dataset:
        assert count > 0 or npartitions > 0
        return self

    def _parts(self) -> Iterator[Any]:
        pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed (group tables)")
        return (pyarrow.table(part) if self.arrow else part for part in self.parts)

    def mapInArrow(self, function: Callable[..., Any], schema: str) -> Dataset:  # noqa: N802
        batches = (batch for part in self._parts() for batch in part.to_batches())
        self.results = [batch.to_pydict() for batch in function(batches)]
        assert [f"{name} string" for name in self.results[0]] == schema.split(", ")
        return self

    def map_batches(self, function: Callable[..., Any], *, batch_format: str) -> Dataset:
        assert batch_format == "pyarrow"
        self.results = [function(part).to_pydict() for part in self._parts()]
        return self

    def map_partitions(self, function: Callable[..., Any], *, meta: dict[str, type]) -> Dataset:
        self.results = [function(part) for part in self._parts()]
        assert meta == dict.fromkeys(self.results[0], str)
        return self

    @property
    def write(self) -> Dataset:
        return self

    def write_parquet(self, path: str) -> None:
        Path(path).touch(exist_ok=False)

    parquet = to_parquet = write_parquet


class Engines:
    """The calls that the stand-ins received.

    Attributes:
        read: The data sets that were read.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
        self.read: list[Dataset] = []
        self.session = session = self._module("session", config=self._config, csv=self._spark)
        session.__dict__.update(getOrCreate=lambda: session, read=session, builder=session)
        session.__dict__.update(sparkContext=session, defaultParallelism=2, SparkSession=session)
        data = self._module("data", read_csv=self._ray)
        dataframe = self._module("dataframe", read_csv=self._dask)
        modules: dict[str, dict[str, dict[str, Any]]] = {
            "pyspark": {"pyspark": {"sql": session}, "pyspark.sql": {}},
            "ray": {"ray": {"data": data}},
            "dask": {
                "dask": {"dataframe": dataframe}, "dask.dataframe": {},
                "pandas": {"DataFrame": self._frame},
            },
        }  # fmt: skip
        for name, attributes in modules[engine].items():
            monkeypatch.setitem(sys.modules, name, self._module(name, **attributes))

    @staticmethod
    def _module(name: str, **attributes: Any) -> ModuleType:
        module = ModuleType(name)
        module.__dict__.update(attributes)
        return module

    def _keep(self, dataset: Dataset) -> Dataset:
        self.read.append(dataset)
        return dataset

    def _config(self, name: str, value: object) -> ModuleType:
        assert (name, value) == ("spark.io.encryption.enabled", True)
        return self.session

    def _spark(self, path: str, **options: object) -> Dataset:
        wanted = {"header": True, "multiLine": True, "escape": '"', "mode": "FAILFAST"}
        assert options == wanted
        return self._keep(Dataset(read(path, None)))

    def _ray(self, path: str, *, convert_options: Any, parse_options: Any) -> Dataset:
        assert {name: str(kind) for name, kind in convert_options.column_types.items()} == {
            "id": "string", "password": "string",
        }  # fmt: skip
        assert not convert_options.strings_can_be_null
        assert parse_options.newlines_in_values
        return self._keep(Dataset(read(path, "")))

    def _dask(self, path: str, **options: object) -> Dataset:
        assert options == {"dtype": str, "keep_default_na": False, "blocksize": None}
        return self._keep(Dataset(read(path, ""), arrow=False))

    @staticmethod
    def _frame(columns: Table, *, dtype: type) -> Table:
        assert dtype is str
        return columns
