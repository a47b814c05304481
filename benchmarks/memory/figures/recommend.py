"""Choose a memory size for a workload from a sweep's figures.

Measured durations are scaled: in proportion to the items, and by two for each step of cost. If
sequential mode was measured, a batch takes at least as long as one hash alone. Of the
configurations whose P95 meets the deadline, the choices are the cheapest, the fastest and the
balanced (the least cost times duration).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from benchmarks.grid import Grid
from benchmarks.memory.figures import costs
from benchmarks.memory.figures.summary import Row
from benchmarks.memory.targets.clients import LONGEST_TIMEOUT_S

MODE = "parallel"
ENGINE = "bcrypt_batch"


class Workload(NamedTuple):
    """The workload for which a memory size is chosen.

    Attributes:
        items: Passwords of a batch.
        cost: The cost of each hash.
        deadline_ms: How long the P95 of a batch may be.
    """

    items: int
    cost: int
    deadline_ms: float = LONGEST_TIMEOUT_S * 1000.0

    def __str__(self) -> str:
        return f"{self.items} hashes of cost {self.cost} within {self.deadline_ms:g} ms"


class Estimate(NamedTuple):
    """A workload's estimated duration and cost in one configuration."""

    architecture: str
    memory_mb: int
    p50_ms: float
    p95_ms: float
    usd_per_million: float


def table(rows: list[Row], parameters: dict[str, Any], workload: Workload) -> Grid:
    """Return the choices as a table, without rows if no configuration meets the deadline."""
    estimates = estimate(rows, parameters, workload.items, workload.cost)
    chosen = choose(estimates, workload.deadline_ms)
    notes = []
    if (workload.items, workload.cost) != (parameters["items"], parameters["cost"]):
        notes.append(f"Scaled from {parameters['items']} hashes of cost {parameters['cost']}.")
    if chosen:
        notes.append("Balanced: the least cost times duration.")
    elif estimates:
        fastest = min(estimates, key=lambda e: e.p95_ms)
        notes.append(
            f"None of {len(estimates)} configurations has a P95 within {workload.deadline_ms:g} "
            f"ms; the nearest is {fastest.architecture} {fastest.memory_mb} MB, whose P95 is "
            f"{fastest.p95_ms:.0f} ms."
        )
    else:
        notes.append(f"No configuration has warm invocations in {MODE} mode.")
    lines = [[name, *found] for name, found in chosen.items()]
    headings = ["", "architecture", "MB", "P50 ms", "P95 ms", "USD per million"]
    return Grid(f"Memory size for {workload}", headings, lines, " ".join(notes))


def estimate(rows: list[Row], parameters: dict[str, Any], items: int, cost: int) -> list[Estimate]:
    """Return a workload's estimate for each measured configuration."""
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
    """Return the choices by name; empty if no configuration meets the deadline."""
    meeting = [found for found in estimates if found.p95_ms <= deadline_ms]
    if not meeting:
        return {}
    return {
        "cheapest": min(meeting, key=lambda e: e.usd_per_million),
        "fastest": min(meeting, key=lambda e: e.p50_ms),
        "balanced": min(meeting, key=lambda e: e.usd_per_million * e.p50_ms),
    }
