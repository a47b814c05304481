"""Choosing a size from a sweep, and the link that draws one."""

from __future__ import annotations

import argparse
import base64
import json
import struct
from pathlib import Path

import pytest

from benchmarks.memory import recommend, tuning_url
from benchmarks.memory.figures import costs
from benchmarks.memory.figures.folder import load
from benchmarks.memory.figures.samples import Samples
from benchmarks.memory.targets.invocation import Invocation
from emulator.problem import Problem
from tests.benchmarks.memory.invocations import invocation

# A small size that is cheap and slow, a large one that is fast and dear, one in between.
DURATIONS_MS = {1536: 400.0, 3538: 190.0, 10240: 130.0}


def measured(memory_mb: int, duration_ms: float, **changed: object) -> Invocation:
    billed_ms = costs.billed_ms(duration_ms)
    return invocation(memory_mb=memory_mb, duration_ms=duration_ms, billed_ms=billed_ms, **changed)


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    (tmp_path / "sweep.json").write_text(json.dumps({"items": 20, "cost": 10}))
    with Samples(tmp_path / "samples.csv") as samples:
        for memory_mb, duration_ms in DURATIONS_MS.items():
            samples.append(measured(memory_mb, duration_ms))
            samples.append(measured(memory_mb, 900.0, mode="sequential"))
        samples.append(measured(6144, 1.0, claimed=False))
        samples.append(measured(3538, 2.0, engine="pyca"))
    return tmp_path


def chosen(
    sweep: Path, capsys: pytest.CaptureFixture[str], **workload: float | None
) -> tuple[int | str, str]:
    arguments = {"items": 20, "cost": 10, "deadline_ms": None, **workload}
    status = recommend.run(argparse.Namespace(sweep=sweep, **arguments))
    return status, capsys.readouterr().out


def line(printed: str, name: str) -> list[str]:
    return next(found.split() for found in printed.splitlines() if found.startswith(name))


def test_cheapest_fastest_and_balanced(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, printed = chosen(sweep, capsys)
    assert status == 0
    assert line(printed, "cheapest")[2] == "1536"
    assert line(printed, "fastest")[2] == "10240"
    assert line(printed, "balanced")[2] == "3538"
    assert "scaled" not in printed


def test_a_deadline_leaves_out_what_is_too_slow(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, printed = chosen(sweep, capsys, deadline_ms=200)
    assert line(printed, "cheapest")[2] == "3538"
    status, _ = chosen(sweep, capsys, deadline_ms=129)
    assert "none of 3 configurations" in str(status)
    assert "10240 MB, whose P95 is 130 ms" in str(status)


def test_a_workload_that_was_not_measured_is_scaled(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, printed = chosen(sweep, capsys, items=100, cost=12)
    assert "scaled from 20 hashes of cost 10" in printed
    assert float(line(printed, "fastest")[3]) == 130.0 * 5 * 4


def test_no_batch_is_faster_than_one_hash_alone(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, printed = chosen(sweep, capsys, items=1)
    assert float(line(printed, "fastest")[3]) == 900.0 / 20


def test_a_folder_without_a_sweep(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="holds no sweep"):
        load(tmp_path)


def test_the_link_says_what_the_sweep_says(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tuning_url.run(argparse.Namespace(sweep=sweep, mode="parallel")) == 0
    name, link = capsys.readouterr().out.splitlines()[:2]
    assert name == "x86_64, bcrypt_batch, parallel:"
    page, fragment = link.split("#")
    assert page == "https://lambda-power-tuning.show/"
    sizes_mb, times_ms, costs_usd = map(base64.b64decode, fragment.split(";"))
    assert struct.unpack("<3h", sizes_mb) == tuple(DURATIONS_MS)
    assert struct.unpack("<3f", times_ms) == tuple(DURATIONS_MS.values())
    wanted_usd = [costs.million_usd("x86_64", size, ms) / 1e6 for size, ms in DURATIONS_MS.items()]
    assert struct.unpack("<3f", costs_usd) == pytest.approx(wanted_usd, rel=1e-4)


def test_the_link_is_encoded_as_aws_lambda_power_tuning_does() -> None:
    """By the values in its UI's README: Int16Array and Float32Array in base64."""
    assert tuning_url._encoded("h", (128, 256, 512, 1024, 1536)) == "gAAAAQACAAQABg=="
    assert tuning_url._encoded("f", (16.0, 8.0, 4.0, 2.8, 2.1)) == "AACAQQAAAEEAAIBAMzMzQGZmBkA="
