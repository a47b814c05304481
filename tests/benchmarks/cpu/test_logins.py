"""The benchmark of logins: its loops, and what it makes of their times."""

from __future__ import annotations

import asyncio
import json
import sys
from itertools import count
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks import processes
from benchmarks.cpu.logins import (
    OURS,
    REFERENCE,
    Contestant,
    arrivals,
    in_a_loop,
    in_threads,
)
from benchmarks.processes import WAYS, Processes
from benchmarks.turns import Turn, grid, measure, summary
from emulator.problem import Problem


def test_arrivals_are_the_same_for_each_contestant_of_a_turn() -> None:
    first = list(arrivals(100, 20, seed=1))
    assert first == list(arrivals(100, 20, seed=1)) == sorted(first)
    assert first != list(arrivals(100, 20, seed=2))
    assert 1500 < len(first) < 2500
    assert 0 < first[0] <= first[-1] < 20


@pytest.mark.parametrize("kind", ["threads", "loop"])
def test_loops_count_each_check(kind: str) -> None:
    checks = count()

    async def check() -> None:
        next(checks)
        await asyncio.sleep(0.001)

    contestant = in_threads(lambda: asyncio.run(check())) if kind == "threads" else in_a_loop(check)
    closed = contestant.closed(3, 0.05)
    opened = contestant.open(200, 0.1, 1)
    assert len(closed.times_ms) >= 3
    assert len(opened.times_ms) == len(list(arrivals(200, 0.1, seed=1)))
    assert next(checks) == len(closed.times_ms) + len(opened.times_ms)
    assert min(closed.times_ms + opened.times_ms) >= 1


def test_percentiles_are_of_all_turns_and_rates_their_median() -> None:
    turns = [Turn(10.0, [float(ms) for ms in range(1, 51)]), Turn(30.0, [100.0] * 50)]
    figures = summary(turns)
    assert figures == {"per_second": 20.0, "p50_ms": 100.0, "p95_ms": 100.0, "p99_ms": 100.0}
    assert summary(turns[:1])["p50_ms"] == 26.0


def test_contestants_take_turns() -> None:
    def nothing(*_: object) -> Turn:
        raise AssertionError

    order: list[str] = []
    field = {REFERENCE: Contestant(nothing, nothing), OURS: Contestant(nothing, nothing)}
    names = {id(one): name for name, one in field.items()}

    def run(one: Contestant, turn: int) -> Turn:
        order.append(names[id(one)])
        return Turn(1.0 + turn, [2.0])

    found = measure("a load", run, field, 3)
    assert order == [REFERENCE, OURS] * 3
    assert grid("a load", found, "checks").rows[1][-2:] == [1.0, 1.0]


def test_processes_take_turns_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ["--processes", "2", "--cost", "4", "--seconds", "0.02", "--turns", "1"]
    more = ["--shares", "0.5", "--workers", "2", "--output", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["benchmarks", "logins", *options, *more])
    assert command.main() == 0
    results = json.loads((tmp_path / "processes.json").read_text())["results"]
    assert [*results["closed"]] == ["2"]
    for found in (*results["closed"].values(), *results["open"].values()):
        assert [*found] == [*WAYS]
    rates = [figures["per_second"] for figures in results["closed"]["2"].values()]
    assert min(rates) > 0
    assert "processes, each with one check at a time" in (tmp_path / "processes.svg").read_text()


def test_a_process_that_ends_is_a_problem() -> None:
    with (
        pytest.raises(Problem, match="a process ended with status 1"),
        Processes(1, "pyca", b"", ""),
    ):
        pass


def test_a_server_that_does_not_start_is_a_problem() -> None:
    with pytest.raises(Problem, match="the server did not start"), processes.server(1, 99):
        pass
