"""Choose a memory size for a workload from a sweep's figures.

Durations are scaled from those measured: in proportion to the items, and by two for each step of
cost. A batch takes no less than one hash alone, where sequential mode was measured. Of the
configurations whose P95 meets the deadline: the cheapest, the fastest, and the balanced one, of
which cost times duration is the least.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.arguments import add_workload, positive
from benchmarks.grid import Grid
from benchmarks.memory.figures import costs
from benchmarks.memory.figures.folder import load
from benchmarks.memory.figures.summary import Row
from benchmarks.memory.targets.clients import LONGEST_TIMEOUT_S

MODE = "parallel"
ENGINE = "bcrypt_batch"


class Estimate(NamedTuple):
    """What a workload would take and cost in one configuration."""

    architecture: str
    memory_mb: int
    p50_ms: float
    p95_ms: float
    usd_per_million: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sweep", type=Path, default=Path("build/sweep"), help="its folder")
    add_workload(parser)
    parser.add_argument("--deadline-ms", type=positive, help="a batch must not take longer")


def run(arguments: argparse.Namespace) -> int | str:
    """Print the choices, or why there is none."""
    parameters, rows = load(arguments.sweep)
    estimates = estimate(rows, parameters, arguments.items, arguments.cost)
    # Without a deadline, what a function may take at all.
    longest_ms = LONGEST_TIMEOUT_S * 1000
    deadline_ms = min(arguments.deadline_ms or longest_ms, longest_ms)
    chosen = choose(estimates, deadline_ms)
    print(f"{arguments.items} hashes of cost {arguments.cost} within {deadline_ms:g} ms")
    if (arguments.items, arguments.cost) != (parameters["items"], parameters["cost"]):
        print(f"scaled from {parameters['items']} hashes of cost {parameters['cost']}")
    print()
    if not chosen:
        if not estimates:
            return f"recommend: {arguments.sweep} has no warm invocations in {MODE} mode"
        fastest = min(estimates, key=lambda e: e.p95_ms)
        return (
            f"recommend: none of {len(estimates)} configurations does that; the nearest is "
            f"{fastest.architecture} {fastest.memory_mb} MB, whose P95 is {fastest.p95_ms:.0f} ms"
        )
    lines = [[name, *found] for name, found in chosen.items()]
    headings = ["", "architecture", "MB", "P50 ms", "P95 ms", "USD per million"]
    note = "Balanced: the least cost times duration."
    print(Grid("Of those measured", headings, lines, note).plain())
    return 0


def estimate(rows: list[Row], parameters: dict[str, Any], items: int, cost: int) -> list[Estimate]:
    """Return what a workload would take in each configuration that was measured."""
    of_cost = 2.0 ** (cost - parameters["cost"])
    of_batch = items / parameters["items"] * of_cost
    of_one = of_cost / parameters["items"]
    alone = {row.configuration: row.warm_ms for row in rows if row.mode == "sequential"}
    found = []
    for row in rows:
        if row.warm_ms is None or row.mode != MODE or row.engine != ENGINE:
            continue
        single = alone.get(row.configuration)
        least_ms = single.p50 * of_one if single else 0.0
        p50_ms, p95_ms, mean_ms = (
            max(least_ms, measured_ms * of_batch)
            for measured_ms in (row.warm_ms.p50, row.warm_ms.p95, row.warm_ms.mean)
        )
        usd = costs.million_usd(row.architecture, row.memory_mb, costs.billed_ms(mean_ms))
        found.append(Estimate(row.architecture, row.memory_mb, p50_ms, p95_ms, usd))
    return found


def choose(estimates: list[Estimate], deadline_ms: float) -> dict[str, Estimate]:
    """Return the choices by name, none where nothing meets the deadline."""
    meeting = [found for found in estimates if found.p95_ms <= deadline_ms]
    if not meeting:
        return {}
    return {
        "cheapest": min(meeting, key=lambda e: e.usd_per_million),
        "fastest": min(meeting, key=lambda e: e.p50_ms),
        "balanced": min(meeting, key=lambda e: e.usd_per_million * e.p50_ms),
    }
