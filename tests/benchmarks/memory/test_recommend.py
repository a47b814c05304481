"""The choice of a size in a sweep's report, and the links that draw a sweep."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import Any

import pytest

from benchmarks.memory import sweep
from benchmarks.memory.figures import costs, report, tuning_url
from benchmarks.memory.targets.invocation import Invocation
from tests.benchmarks.memory.invocations import invocation
from tests.benchmarks.memory.options import asked

# A small size that is cheap and slow, a large one that is fast and dear, one in between.
DURATIONS_MS = {1536: 400.0, 3538: 190.0, 10240: 130.0}
PARAMETERS = {"target": "lambda", "region": "us-east-1", "items": 20, "cost": 10}


def measured(memory_mb: int, duration_ms: float, **changed: object) -> Invocation:
    billed_ms = costs.billed_ms(duration_ms)
    return invocation(memory_mb=memory_mb, duration_ms=duration_ms, billed_ms=billed_ms, **changed)


MEASURED = [
    *(measured(memory_mb, duration_ms) for memory_mb, duration_ms in DURATIONS_MS.items()),
    *(measured(memory_mb, 900.0, mode="sequential") for memory_mb in DURATIONS_MS),
    measured(6144, 1.0, claimed=False),
    measured(3538, 2.0, engine="pyca"),
]


@pytest.fixture
def printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that reports the sweep with options of the command, and what it printed."""

    def reported(**options: Any) -> str:
        report.write(tmp_path, PARAMETERS, MEASURED, sweep.chosen_for(asked(**options)))
        return capsys.readouterr().out

    return reported


def line(printed: str, name: str) -> list[str]:
    return next(found.split() for found in printed.splitlines() if found.startswith(name))


def test_cheapest_fastest_and_balanced(printed: Any, tmp_path: Path) -> None:
    said = printed()
    assert "Memory size for 20 hashes of cost 10 within 900000 ms" in said
    assert line(said, "cheapest")[2] == "1536"
    assert line(said, "fastest")[2] == "10240"
    assert line(said, "balanced")[2] == "3538"
    assert "Scaled" not in said
    assert "## Memory size for 20 hashes" in (tmp_path / "summary.md").read_text()


def test_a_deadline_leaves_out_what_is_too_slow(printed: Any) -> None:
    assert line(printed(deadline_ms=200), "cheapest")[2] == "3538"
    said = " ".join(printed(deadline_ms=129).split())  # the note is wrapped
    assert "None of 3 configurations has a P95 within 129 ms" in said
    assert "10240 MB, whose P95 is 130 ms" in said


def test_a_workload_that_was_not_measured_is_scaled(printed: Any) -> None:
    said = printed(for_items=100, for_cost=12)
    assert "Scaled from 20 hashes of cost 10" in said
    assert float(line(said, "fastest")[3]) == 130.0 * 5 * 4


def test_no_batch_is_faster_than_one_hash_alone(printed: Any) -> None:
    assert float(line(printed(for_items=1), "fastest")[3]) == 900.0 / 20


def test_the_link_says_what_the_sweep_says(printed: Any, tmp_path: Path) -> None:
    said = printed()
    names = [
        f"x86_64, {name}"
        for name in ("bcrypt_batch, parallel", "bcrypt_batch, sequential", "pyca, parallel")
    ]
    links = json.loads((tmp_path / "summary.json").read_text())["power_tuning_links"]
    assert sorted(links) == names
    markdown = (tmp_path / "summary.md").read_text()
    for name, link in links.items():
        assert f"{name}: {link}" in said
        assert f"[{name}]({link})" in markdown
    page, fragment = links[names[0]].split("#")
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
