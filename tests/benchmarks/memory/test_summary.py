"""Percentiles, speed-up, efficiency and cost of a sweep; the tables say what the JSON says."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.memory.figures import costs, report
from benchmarks.memory.figures.recommend import Workload
from benchmarks.memory.figures.summary import (
    NOT_OURS,
    Row,
    architectures_compared,
    engines_compared,
    summarise,
    times,
)
from benchmarks.memory.targets.invocation import Invocation
from tests.benchmarks.memory.invocations import invocation

DURATIONS_MS = st.floats(min_value=0.01, max_value=900_000)


@given(st.lists(DURATIONS_MS, min_size=1, max_size=60))
def test_percentiles_are_interpolated(values: list[float]) -> None:
    """As the standard library does: numpy, which computes them, may change its default."""
    found = times(values)
    assert found is not None
    cuts = statistics.quantiles(
        [*values, values[0]] if len(values) == 1 else values, n=100, method="inclusive"
    )
    wanted = [cuts[p - 1] for p in (50, 90, 95, 99)]
    # Rounded to microseconds.
    assert [found.p50, found.p90, found.p95, found.p99] == pytest.approx(wanted, abs=1e-3)
    assert found.mean == pytest.approx(statistics.fmean(values), abs=1e-3)
    assert (found.n, found.min, found.max) == (len(values), min(values), max(values))


def test_no_times_no_statistics() -> None:
    assert times([]) is None


def sized(memory_mb: int, duration_ms: float, **changed: object) -> Invocation:
    """A warm invocation; as many workers as the template's sizes have."""
    workers = {1536: 1, 2048: 2, 3538: 2}[memory_mb]
    billed_ms = costs.billed_ms(duration_ms)
    return invocation(
        memory_mb=memory_mb,
        duration_ms=duration_ms,
        billed_ms=billed_ms,
        workers=workers,
        **changed,
    )


SWEEP = [
    sized(1536, 400.0),
    sized(1536, 420.0),
    sized(3538, 100.0),
    sized(3538, 1200.0, mode="sequential"),
    sized(1536, 1230.0, mode="sequential"),
    sized(3538, 500.0, engine="pyca"),
    sized(3538, 80.0, architecture="arm64"),
    sized(1536, 405.0, cold=True, init_ms=50.0, memory_used_mb=17.0),
    sized(1536, 1.0, error="InvalidEvent: no", attempts=1),
    sized(3538, 100.0, attempts=3),
]


def row(architecture: str, memory_mb: int, engine: str, mode: str) -> Row:
    wanted = (architecture, memory_mb, engine, mode)
    return next(found for found in summarise(SWEEP) if found[:4] == wanted)


def test_speed_up_and_efficiency() -> None:
    small = row("x86_64", 1536, "bcrypt_batch", "parallel")
    large = row("x86_64", 3538, "bcrypt_batch", "parallel")
    assert small.speedup_smallest == small.efficiency_worker == small.efficiency_vcpu == 1
    assert large.speedup_smallest == pytest.approx(4.1)
    assert large.efficiency_worker == pytest.approx(4.1 / 2)
    assert large.efficiency_vcpu == pytest.approx(4.1 / (3538 / 1536), abs=1e-4)
    assert large.speedup_sequential == pytest.approx(12)
    assert large.efficiency_sequential == pytest.approx(6)  # of two vCPUs
    assert small.speedup_sequential == pytest.approx(3)
    assert small.efficiency_sequential == pytest.approx(3)  # sequential mode has 0.87 of one too
    assert large.hashes_per_s == pytest.approx(200)
    assert large.hashes_per_s_vcpu == pytest.approx(100)


def test_cold_failed_and_retried_invocations_are_counted_apart() -> None:
    small = row("x86_64", 1536, "bcrypt_batch", "parallel")
    assert small.warm_ms
    assert small.cold_ms
    assert small.init_ms
    assert (small.warm_ms.n, small.cold_ms.n, small.failed, small.retried) == (2, 1, 1, 0)
    assert small.init_ms.p50 == 50
    assert small.max_memory_mb == 17
    assert row("x86_64", 3538, "bcrypt_batch", "parallel").retried == 2


def test_costs_are_of_the_mean() -> None:
    small = row("x86_64", 1536, "bcrypt_batch", "parallel")
    wanted_usd = costs.million_usd("x86_64", 1536, 410)
    assert small.usd_per_million_warm == pytest.approx(wanted_usd, abs=1e-4)


def test_comparisons() -> None:
    rows = summarise(SWEEP)
    (engines,) = engines_compared(rows)
    assert (engines.memory_mb, engines.against) == (3538, "pyca")
    assert engines.speedup_min == engines.speedup_p50 == 5
    (architectures,) = architectures_compared(rows)
    assert (architectures.architecture, architectures.against) == ("arm64", "x86_64")
    assert architectures.speedup_p50 == 1.25
    assert architectures.cost_ratio < 0.8


def test_what_is_not_this_machines_is_not_claimed() -> None:
    rows = summarise([*SWEEP, sized(2048, 1.0, claimed=False)])
    other = next(found for found in rows if found.memory_mb == 2048)
    assert other.note == NOT_OURS
    assert other.warm_ms is None
    assert other.usd_per_million_warm is None
    assert [found for found in rows if found is not other] == summarise(SWEEP)


def test_json_and_markdown_say_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parameters = {
        "target": "emulator",
        "items": 20,
        "cost": 10,
        "machine": {"cpu": "a CPU", "cpus": 2, "commit": "c0ffee"},
    }
    report.write(tmp_path, parameters, SWEEP, Workload(20, 10))
    summary = json.loads((tmp_path / "summary.json").read_text())
    markdown = (tmp_path / "summary.md").read_text()
    printed = capsys.readouterr().out
    lines = [[cell.strip() for cell in line.split("|")] for line in markdown.splitlines()]
    costs_of = {tuple(line[1:5]): line for line in lines if len(line) == 8}
    assert len(summary["rows"]) == len(summarise(SWEEP))
    for found in summary["rows"]:
        name = [found["architecture"], str(found["memory_mb"]), found["engine"], found["mode"]]
        durations = next(line for line in lines if line[1:5] == name)
        p50 = f"{found['warm_ms']['p50']:.{2 if found['warm_ms']['p50'] < 100 else 1}f}"
        assert p50 in durations
        assert p50 in printed
        assert f"{found['usd_per_million_warm']:.2f}" in costs_of[tuple(name)]
    assert "a CPU, 2 CPUs, commit c0ffee, 2026-01-01\n" in printed
    chart = (tmp_path / "chart.svg").read_text()
    for source in ("measured", "published, Rust on Lambda"):
        assert chart.count(f"<!-- {source}: P50") == 1  # axes of its own
    assert summary["prices"] == costs.PRICES
