"""The REPORT parser, against lines that Lambda wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.memory.targets.interface import Figures
from benchmarks.memory.targets.lambda_log import parse

LINES = json.loads((Path(__file__).parent / "report_lines.json").read_text())["lines"]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line["name"])
def test_real_lines(line: dict[str, Any]) -> None:
    assert parse(line["log"]) == Figures(**line["report"])


def test_the_last_report_counts() -> None:
    assert parse(LINES[2]["log"] + LINES[6]["log"]) == Figures(**LINES[6]["report"])


@pytest.mark.parametrize(
    "log", ["", "START RequestId: 1", "INIT_REPORT Init Duration: 2.88 ms", "{"]
)
def test_a_log_without_one(log: str) -> None:
    assert parse(log) is None
