"""Bursts: what fits the function's time, and what parallel mode gains."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from benchmarks.memory import burst
from benchmarks.memory.burst import Burst
from benchmarks.memory.figures import costs
from benchmarks.memory.figures.samples import Samples
from benchmarks.memory.targets.invocation import Configuration
from benchmarks.progress import bar
from tests.benchmarks.memory.fake_target import FakeTarget

FUNCTION = Configuration("x86_64", 3538)


def measured(tmp_path: Path, functions: FakeTarget, *items: int) -> dict[tuple[int, str], Burst]:
    arguments = argparse.Namespace(items=items, cost=10, invocations=2)
    with Samples(tmp_path / "samples.csv") as samples, bar(2 * len(items)) as progress:
        found = burst.measure(functions, FUNCTION, arguments, samples, progress)
    grid = burst.compare(found, "Bursts")
    assert len(grid.rows) == len(found)
    return {(made.items, made.mode): made for made in found}


def test_what_would_not_fit_is_not_sent(tmp_path: Path) -> None:
    functions = FakeTarget([FUNCTION], timeout_s=30)
    found = measured(tmp_path, functions, 100, 1000)
    assert found[1000, "sequential"].ms is None
    assert found[1000, "sequential"].note == "not sent: about 50.0 s, and the timeout is 30 s"
    assert found[1000, "parallel"].ms == 10_000
    sent = [event["count"] for _, event in functions.events if event["mode"] == "sequential"]
    assert sent == [burst.PROBE_ITEMS] * 2 + [100] * 2


def test_the_gain_in_theory_and_in_fact(tmp_path: Path) -> None:
    found = measured(tmp_path, FakeTarget([FUNCTION]), 100)
    row = next(
        row for row in burst.compare(list(found.values()), "Bursts").rows if row[4] == "parallel"
    )
    items, ms, each_ms, theory, actual, usd = row[3], *row[5:10]
    assert (items, ms, each_ms) == (100, 1000, 10)
    assert theory == pytest.approx(2)
    assert actual == 5
    assert usd == pytest.approx(costs.million_usd("x86_64", 3538, 1000))


def test_what_was_left_undone_is_said_and_not_compared(tmp_path: Path) -> None:
    functions = FakeTarget([FUNCTION])
    functions.row = {"unprocessed": 60}
    found = measured(tmp_path, functions, 100)
    assert found[100, "parallel"].note == "60 items left undone"
    row = burst.compare(list(found.values()), "Bursts").rows[1]
    assert row[6] == 1000 / 40  # ms per item that was done
    assert row[8] is None


def test_a_probe_that_fails_is_said(tmp_path: Path) -> None:
    functions = FakeTarget([FUNCTION])
    functions.fails = 4
    found = measured(tmp_path, functions, 100)
    assert found[100, "parallel"].note == "not sent: 20 items failed: it broke"
    assert len(functions.events) == 4
