"""Turn a sweep's invocations into figures: percentiles, speed-up, efficiency, cost.

Speed-ups compare P50s of warm invocations:

- `speedup_smallest`: against the smallest size of the same architecture, engine and mode.
  `efficiency_worker` divides it by the ratio of the numbers of workers, as the published table
  does. The smallest size has 0.87 of a vCPU for its one worker, so this can exceed 1.
  `efficiency_vcpu` divides it by the ratio of the vCPUs (MB / 1769): 1 if each vCPU does as much
  as at the smallest size.
- `speedup_sequential`: against sequential mode at the same memory, which uses one vCPU at most.
  `efficiency_sequential` divides it by the vCPUs paid for, or by 1 if fewer. It compares the work
  of a vCPU in this mode with that of a vCPU that hashes one password at a time.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np

from benchmarks.memory.figures import costs
from benchmarks.memory.targets.invocation import Configuration, Invocation
from emulator import sizes

NOT_OURS = "not this machine's"


class Statistics(NamedTuple):
    """Statistics of durations, in milliseconds."""

    n: int
    p50: float
    p90: float
    p95: float
    p99: float
    mean: float
    min: float
    max: float


class Row(NamedTuple):
    """One configuration in one mode; None for figures that are not measured or don't count."""

    architecture: str
    memory_mb: int
    engine: str
    mode: str
    note: str
    vcpus: float
    workers: int | None
    detected_cpus: int | None
    lanes: int | None
    kernel: str
    failed: int
    retried: int
    warm_ms: Statistics | None = None
    cold_ms: Statistics | None = None
    init_ms: Statistics | None = None
    max_memory_mb: float | None = None
    hashes_per_s: float | None = None
    hashes_per_s_vcpu: float | None = None
    speedup_smallest: float | None = None
    efficiency_worker: float | None = None
    efficiency_vcpu: float | None = None
    speedup_sequential: float | None = None
    efficiency_sequential: float | None = None
    usd_per_million_warm: float | None = None
    usd_per_million_cold: float | None = None

    @property
    def configuration(self) -> Configuration:
        return Configuration(self.architecture, self.memory_mb, self.engine)


def times(values: list[float]) -> Statistics | None:
    """Return the statistics of durations; None without durations.

    Percentiles interpolate between the two nearest samples.
    """
    if not values:
        return None
    p50, p90, p95, p99 = map(float, np.percentile(values, (50, 90, 95, 99)))
    mean = statistics.fmean(values)
    return Statistics(len(values), p50, p90, p95, p99, mean, min(values), max(values))


def summarise(invocations: list[Invocation]) -> list[Row]:
    """Return a row for each configuration and mode, in ascending order."""
    groups: dict[tuple[Configuration, str], list[Invocation]] = defaultdict(list)
    for invocation in invocations:
        groups[invocation.configuration, invocation.mode].append(invocation)
    measured = {key: _measured(key[0], key[1], groups[key]) for key in sorted(groups)}
    families = curves([*measured.values()])
    return [_compared(row, measured, families) for row in measured.values()]


def curves(rows: list[Row]) -> dict[tuple[str, str, str], list[Row]]:
    """Return the rows with warm invocations by architecture, engine and mode."""
    found: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        if row.warm_ms:
            found[row.architecture, row.engine, row.mode].append(row)
    return found


def _measured(configuration: Configuration, mode: str, group: list[Invocation]) -> Row:
    """Return the figures of a configuration's own invocations."""
    good = [invocation for invocation in group if invocation.good]
    warm = [invocation for invocation in good if not invocation.cold]
    cold = [invocation for invocation in good if invocation.cold]
    latest = good[-1] if good else group[-1]
    claimed = all(invocation.claimed for invocation in group)
    vcpus = sizes.vcpus(configuration.memory_mb)
    row = Row(
        *configuration,
        mode=mode,
        note="" if claimed else NOT_OURS,
        vcpus=vcpus,
        workers=latest.workers,
        detected_cpus=latest.detected_cpus,
        lanes=latest.lanes,
        kernel=latest.kernel,
        failed=len(group) - len(good),
        retried=sum(invocation.attempts - 1 for invocation in group),
    )
    if not claimed:
        return row
    warm_ms = times([i.duration_ms for i in warm if i.duration_ms is not None])
    hashes_per_s = latest.items / warm_ms.p50 * 1000 if warm_ms else None
    return row._replace(
        warm_ms=warm_ms,
        cold_ms=times([i.duration_ms for i in cold if i.duration_ms is not None]),
        init_ms=times([i.init_ms for i in cold if i.init_ms is not None]),
        max_memory_mb=max((i.memory_used_mb for i in good if i.memory_used_mb), default=None),
        hashes_per_s=hashes_per_s,
        hashes_per_s_vcpu=hashes_per_s and hashes_per_s / vcpus,
        usd_per_million_warm=_million_usd(configuration, warm),
        usd_per_million_cold=_million_usd(configuration, cold),
    )


def _million_usd(configuration: Configuration, invocations: list[Invocation]) -> float | None:
    """Return the cost of a million invocations with the mean billed time of these."""
    billed_ms = [i.billed_ms for i in invocations if i.billed_ms is not None]
    if not billed_ms:
        return None
    architecture, memory_mb, _ = configuration
    return costs.million_usd(architecture, memory_mb, statistics.fmean(billed_ms))


def _compared(
    row: Row,
    measured: dict[tuple[Configuration, str], Row],
    families: dict[tuple[str, str, str], list[Row]],
) -> Row:
    """Return a row with its speed-ups against the smallest size and sequential mode."""
    if row.warm_ms is None:
        return row
    smallest = families[row.architecture, row.engine, row.mode][0]
    speedup = _speedup(smallest, row)
    if speedup is not None and row.workers and smallest.workers:
        row = row._replace(
            speedup_smallest=speedup,
            efficiency_worker=speedup / (row.workers / smallest.workers),
            efficiency_vcpu=speedup / (row.memory_mb / smallest.memory_mb),
        )
    sequential = measured.get((row.configuration, "sequential"))
    speedup = _speedup(sequential, row)
    if speedup is not None:
        row = row._replace(
            speedup_sequential=speedup, efficiency_sequential=speedup / max(1.0, row.vcpus)
        )
    return row


def _speedup(reference: Row | None, row: Row) -> float | None:
    if reference is None or reference.warm_ms is None or row.warm_ms is None:
        return None
    return reference.warm_ms.p50 / row.warm_ms.p50


class Comparison(NamedTuple):
    """The speed-up of one row against another that differs in one thing."""

    architecture: str
    memory_mb: int
    engine: str
    mode: str
    against: str
    speedup_min: float
    speedup_p50: float
    cost_ratio: float


def architectures_compared(rows: list[Row]) -> list[Comparison]:
    """Compare arm64 with x86_64 wherever both were measured."""
    return _pairs(rows, "architecture", "arm64", "x86_64")


def engines_compared(rows: list[Row]) -> list[Comparison]:
    """Compare bcrypt_batch with pyca/bcrypt wherever both were measured."""
    return _pairs(rows, "engine", "bcrypt_batch", "pyca")


def _pairs(rows: list[Row], field: str, ours: str, theirs: str) -> list[Comparison]:
    changed: dict[str, Any] = {field: theirs}
    by_key = {(row.configuration, row.mode): row for row in rows}
    found = []
    for row in rows:
        other = by_key.get((row.configuration._replace(**changed), row.mode))
        if getattr(row, field) != ours or not (row.warm_ms and other and other.warm_ms):
            continue
        if row.usd_per_million_warm and other.usd_per_million_warm:
            speedups = other.warm_ms.min / row.warm_ms.min, other.warm_ms.p50 / row.warm_ms.p50
            cost_ratio = row.usd_per_million_warm / other.usd_per_million_warm
            found.append(Comparison(*row.configuration, row.mode, theirs, *speedups, cost_ratio))
    return found
