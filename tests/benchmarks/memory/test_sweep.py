"""A sweep: its order, what it does about failures, and the real thing in the emulator."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from http.client import HTTPException
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.memory import sweep
from benchmarks.memory.figures.folder import continued
from benchmarks.memory.figures.samples import Samples, read
from benchmarks.memory.targets import on_this_machine
from benchmarks.memory.targets.invocation import Configuration
from emulator.problem import Problem
from tests.benchmarks.memory.fake_target import FakeTarget
from tests.benchmarks.memory.options import asked
from tests.emulator.quotas import groups_of, needs_quota
from tests.examples import thorough

ROOT = Path(__file__).parents[3]
SMALL, LARGE = (Configuration("x86_64", size) for size in (1536, 3538))
BOTH = ["parallel", "sequential"]


@pytest.fixture
def samples(tmp_path: Path) -> Any:
    with Samples(tmp_path / "samples.csv") as opened:
        yield opened


def have(samples: Samples) -> Counter[tuple[int, str, bool]]:
    return Counter((row.memory_mb, row.mode, row.cold) for row in samples.rows if not row.error)


def test_configurations_take_turns(samples: Samples) -> None:
    functions = FakeTarget([SMALL, LARGE])
    assert sweep.measure(functions, asked(), samples) == []
    sent = [(configuration, event["mode"]) for configuration, event in functions.events]
    turns = [(configuration, mode) for configuration in (SMALL, LARGE) for mode in BOTH]
    assert sent[:8] == turns * 2
    # The first of each was cold: one more, so that there are as many warm ones.
    assert have(samples) == {
        **{(size, mode, False): 3 for size in (1536, 3538) for mode in BOTH},
        **{(size, "parallel", True): 1 for size in (1536, 3538)},
    }


def test_forced_cold_starts_come_first(samples: Samples) -> None:
    functions = FakeTarget([SMALL])
    sweep.measure(functions, asked(cold=2, modes=["parallel"]), samples)
    assert [row.cold for row in samples.rows] == [True, True, False, False, False]


def test_what_is_there_is_not_measured_again(samples: Samples) -> None:
    functions = FakeTarget([SMALL])
    sweep.measure(functions, asked(invocations=2), samples)
    before = len(functions.events)
    sweep.measure(functions, asked(invocations=2), samples)
    assert len(functions.events) == before
    sweep.measure(functions, asked(invocations=3), samples)
    assert have(samples)[1536, "sequential", False] == 3


def test_a_failure_is_recorded_and_made_good(samples: Samples) -> None:
    functions = FakeTarget([SMALL])
    functions.fails = 2
    assert sweep.measure(functions, asked(modes=["parallel"]), samples) == []
    assert sum(bool(row.error) for row in samples.rows) == 2
    assert have(samples)[1536, "parallel", False] == 3


def test_what_keeps_failing_is_given_up(samples: Samples) -> None:
    functions = FakeTarget([SMALL])
    functions.fails = 1000
    given_up = sweep.measure(functions, asked(), samples)
    assert given_up == [f"{SMALL} {mode}" for mode in BOTH]
    assert len(samples.rows) == 2 * sweep.MOST_FAILURES


def test_an_environment_that_never_starts_cold_ends_the_run(samples: Samples) -> None:
    functions = FakeTarget([SMALL])
    functions.row = {"cold": False}
    given_up = sweep.measure(functions, asked(cold=1, modes=["parallel"]), samples)
    assert given_up == [f"{SMALL} parallel, cold"]
    assert have(samples) == {(1536, "parallel", False): sweep.MOST_FAILURES}


def test_an_emulated_function_that_gives_no_answer_has_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def post(_: bytes) -> bytes:
        raise HTTPException("HTTP status 502")

    emulator = SimpleNamespace(log="", post=post)
    running = SimpleNamespace(emulator=emulator, close=lambda: None)
    monkeypatch.setattr(on_this_machine, "Running", lambda *_: running)
    with on_this_machine.EmulatorTarget([SMALL], timeout_s=1) as functions:
        row = functions.invoke(SMALL, {"count": 1}).invocation
    assert (row.error, row.attempts) == ("HTTP status 502", 1)


def test_another_workload_does_not_continue_a_sweep(tmp_path: Path) -> None:
    with Samples(tmp_path / "samples.csv") as samples:
        continued(tmp_path, {"items": 20}, samples)
        continued(tmp_path, {"items": 30}, samples)  # there was nothing yet
        sweep.measure(FakeTarget([SMALL]), asked(), samples)
        assert continued(tmp_path, {"items": 30}, samples) == {"items": 30}
        with pytest.raises(Problem, match="items 30, not 31"):
            continued(tmp_path, {"items": 31}, samples)


def test_another_commit_continues_it(tmp_path: Path) -> None:
    """It keeps its first commit: a file saved meanwhile must not end a long sweep."""
    first, second = ({"machine": {"cpu": "a CPU", "commit": commit}} for commit in ("1", "2-dirty"))
    with Samples(tmp_path / "samples.csv") as samples:
        continued(tmp_path, first, samples)
        sweep.measure(FakeTarget([SMALL]), asked(), samples)
        assert continued(tmp_path, second, samples) == first
        with pytest.raises(Problem, match="another CPU"):
            continued(tmp_path, {"machine": {"cpu": "another CPU", "commit": "1"}}, samples)


def benchmarks(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def swept(quotas: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both engines at two sizes: interrupted in the middle of a line, then resumed."""
    folder = tmp_path_factory.mktemp("sweep")
    options = [
        *("sweep", "--target", "emulator", "--engines", "bcrypt_batch", "pyca"),
        *("--memory", "1536", "3538", "--items", "5", "--cost", "4", "--output", str(folder)),
    ]
    done = benchmarks(*options, "--invocations", "1", "--modes", "parallel")
    assert done.returncode == 0, done.stderr
    with (folder / "samples.csv").open("a") as file:
        file.write("2026-01-01T00:00")
    before = (folder / "samples.csv").read_bytes().splitlines()[:-1]
    done = benchmarks(*options, "--invocations", "2")
    assert done.returncode == 0, done.stderr
    assert (folder / "samples.csv").read_bytes().splitlines()[: len(before)] == before
    return folder


@needs_quota
@thorough
def test_a_real_sweep_loses_nothing(swept: Path) -> None:
    rows = read(swept / "samples.csv")
    assert not any(row.error for row in rows)
    warm = Counter((row.engine, row.memory_mb, row.mode) for row in rows if not row.cold)
    assert set(warm.values()) == {2}
    assert len(warm) == 2 * 2 * 2
    for row in rows:
        assert (row.processed, row.items, row.cost) == (5, 5, 4)
        assert row.duration_ms is not None
        assert row.handler_ms is not None
        assert row.duration_ms >= row.handler_ms
        assert (row.init_ms is not None) == row.cold
        assert row.billed_ms is not None
        assert row.billed_ms >= row.duration_ms + (row.init_ms or 0) - 0.01
        wanted = 1 if row.mode == "sequential" else -(-row.memory_mb // 1769)
        assert row.workers == (wanted if row.claimed else 1)
        assert row.lanes == 1 or row.engine == "bcrypt_batch"
        assert (row.memory_used_mb or 0) < row.memory_mb / 2  # not the emulator's own figure


@needs_quota
@thorough
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_sweep_keeps_its_samples_and_leaves_nothing(
    tmp_path: Path, how: signal.Signals
) -> None:
    options = ["--target", "emulator", "--memory", "1536", "--cost", "4", "--output", str(tmp_path)]
    command = [sys.executable, "-m", "benchmarks", "sweep", *options, "--invocations", "100000"]
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    samples = tmp_path / "samples.csv"
    while not samples.exists() or samples.read_text().count("\n") < 5:
        assert running.poll() is None
        time.sleep(0.01)
    (group,) = groups_of(running.pid)
    emulators = (group / "cgroup.procs").read_text().split()
    running.send_signal(how)
    printed, _ = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "run the same command to continue" in printed
    assert emulators
    assert not any(Path("/proc", process).exists() for process in emulators)
    assert not group.exists()
    assert len(read(samples)) >= 4
    assert (tmp_path / "summary.md").exists()


@needs_quota
@thorough
def test_its_summary_is_that_of_its_samples(swept: Path) -> None:
    summary = json.loads((swept / "summary.json").read_text())
    assert summary["parameters"] == json.loads((swept / "sweep.json").read_text())
    with (swept / "samples.csv").open() as file:
        measured = {(r["memory_mb"], r["engine"], r["mode"]) for r in csv.DictReader(file)}
    found = {(str(r["memory_mb"]), r["engine"], r["mode"]) for r in summary["rows"]}
    assert found == measured
    assert (swept / "chart.svg").stat().st_size > 1000
    assert "bcrypt_batch against pyca/bcrypt" in (swept / "summary.md").read_text()


@needs_quota
@thorough
def test_it_refuses_to_go_on_with_another_workload(swept: Path) -> None:
    done = benchmarks("sweep", "--target", "emulator", "--items", "6", "--output", str(swept))
    assert "holds a sweep of other parameters" in done.stderr


@needs_quota
def test_both_engines_are_valid() -> None:
    done = benchmarks(
        *("validate", "--target", "emulator", "--engines", "bcrypt_batch", "pyca"),
        *("--memory", "1536", "--items", "5", "--cost", "4"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("right") == 2
