"""Measure large batches, sequential against parallel, as far as the function's time allows.

In theory parallel mode is faster by the vCPUs that sequential mode can't use. Any further gain
comes from interleaving lanes.
"""

from __future__ import annotations

import argparse
import json
import statistics
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from benchmarks.grid import Grid
from benchmarks.memory.figures import costs
from benchmarks.memory.figures.folder import workload
from benchmarks.memory.figures.report import place
from benchmarks.memory.figures.samples import Samples
from benchmarks.memory.figures.summary import NOT_OURS
from benchmarks.memory.targets.choice import add_target, opened
from benchmarks.memory.targets.interface import Target
from benchmarks.memory.targets.invocation import Configuration, Invocation
from benchmarks.progress import about, bar
from emulator import sizes
from emulator.arguments import cost, positive

MODES = ("sequential", "parallel")
PROBE_ITEMS = 20

# The largest estimate, as a share of the function's time: the machine's speed varies.
ROOM = 0.85


class Burst(NamedTuple):
    """One batch size in one mode."""

    architecture: str
    memory_mb: int
    engine: str
    items: int
    mode: str
    ms: float | None = None
    unprocessed: int = 0
    usd_per_million: float | None = None
    note: str = ""

    @property
    def configuration(self) -> Configuration:
        return Configuration(self.architecture, self.memory_mb, self.engine)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_target(parser)
    parser.add_argument("--items", type=positive, nargs="+", default=[100, 500, 1000])
    parser.add_argument("--cost", type=cost, default=10)
    parser.add_argument("--invocations", type=positive, default=1, help="of each (%(default)s)")
    parser.add_argument("--output", type=Path, default=Path("build/burst"), help="a folder")


def run(arguments: argparse.Namespace) -> int:
    """Measure, print a grid, and write it beside the samples."""
    folder: Path = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    bursts: list[Burst] = []
    with Samples(folder / "samples.csv") as samples, opened(arguments) as functions:
        total = len(functions.configurations) * len(MODES) * len(arguments.items)
        with bar(total) as progress:
            for configuration in functions.configurations:
                bursts += measure(functions, configuration, arguments, samples, progress)
    parameters = workload(arguments)
    grid = compare(bursts, f"Bursts of hashes of cost {arguments.cost}, {place(parameters)}")
    (folder / "burst.md").write_text(grid.markdown())
    content = {"parameters": parameters, "rows": [burst._asdict() for burst in bursts]}
    (folder / "burst.json").write_text(json.dumps(content, indent=1) + "\n")
    print(grid.plain())
    print(f"written: {folder}/samples.csv, burst.json, burst.md")
    return 0


def measure(
    functions: Target,
    configuration: Configuration,
    arguments: argparse.Namespace,
    samples: Samples,
    progress: tqdm[Any],
) -> list[Burst]:
    """Return a configuration's bursts, both modes of a batch size in turns."""
    probes = {mode: _probe(functions, configuration, mode, arguments) for mode in MODES}
    timeout_s = functions.timeout_s(configuration)
    found = []
    for items in arguments.items:
        refusals = {mode: _refusal(probes[mode], items, timeout_s) for mode in MODES}
        rows: dict[str, list[Invocation]] = {mode: [] for mode in MODES}
        for _, mode in product(range(arguments.invocations), MODES):
            if not refusals[mode]:
                about(progress, f"{configuration}, {items} items, {mode}")
                event = {"mode": mode, "count": items, "cost": arguments.cost}
                rows[mode].append(functions.invoke(configuration, event).invocation)
                samples.append(rows[mode][-1])
        for mode in MODES:
            progress.update()
            refused = Burst(*configuration, items, mode, note=refusals[mode])
            found.append(_burst(rows[mode]) if rows[mode] else refused)
    return found


def _probe(
    functions: Target, configuration: Configuration, mode: str, arguments: argparse.Namespace
) -> Invocation:
    """Invoke a small batch twice; return the second invocation, which is warm."""
    event = {"mode": mode, "count": PROBE_ITEMS, "cost": arguments.cost}
    functions.invoke(configuration, event)
    return functions.invoke(configuration, event).invocation


def _refusal(probe: Invocation, items: int, timeout_s: int) -> str:
    """Return why a batch won't fit the function's time and isn't sent; empty if it fits."""
    if probe.error or probe.duration_ms is None:
        return f"not sent: {PROBE_ITEMS} items failed: {probe.error}"
    estimate_s = probe.duration_ms / PROBE_ITEMS * items / 1000
    if estimate_s < ROOM * timeout_s:
        return ""
    return f"not sent: about {estimate_s:.1f} s, and the timeout is {timeout_s} s"


def _burst(rows: list[Invocation]) -> Burst:
    """Return the median of the invocations of one batch size and mode."""
    first = rows[0]
    empty = Burst(*first.configuration, first.items, first.mode)
    if errors := [row.error for row in rows if row.error]:
        return empty._replace(note=errors[0])
    if not first.claimed:
        return empty._replace(note=NOT_OURS)
    billed_ms = statistics.fmean(row.billed_ms for row in rows if row.billed_ms is not None)
    unprocessed = max(row.unprocessed for row in rows)
    return empty._replace(
        ms=statistics.median(row.duration_ms for row in rows if row.duration_ms is not None),
        unprocessed=unprocessed,
        usd_per_million=costs.million_usd(first.architecture, first.memory_mb, billed_ms),
        note=f"{unprocessed} items left undone" if unprocessed else "",
    )


def compare(bursts: list[Burst], title: str) -> Grid:
    """Return the grid, with the speed-up of parallel mode in theory and in fact."""
    sequential = {(b.configuration, b.items): b for b in bursts if b.mode == "sequential"}
    lines = []
    for burst in bursts:
        each_ms = None if burst.ms is None else burst.ms / (burst.items - burst.unprocessed)
        theory = actual = None
        if burst.mode == "parallel":
            theory = max(1.0, sizes.vcpus(burst.memory_mb))
            actual = _gain(sequential[burst.configuration, burst.items], burst)
        lines.append(
            [*burst[:5], burst.ms, each_ms, theory, actual, burst.usd_per_million, burst.note]
        )
    headings = ["architecture", "MB", "engine", "items", "mode", "ms", "ms per item",
                "speed-up: theory", "actual", "USD per million", "note"]  # fmt: skip
    note = (
        "Theory: the vCPUs paid for (MB / 1769) over the vCPUs that sequential mode can use, at "
        "most one. Actual: how many times as fast as sequential mode; a gain beyond the theory "
        "comes from interleaved lanes. USD: a million such invocations, list price."
    )
    return Grid(title, headings, lines, note)


def _gain(sequential: Burst, parallel: Burst) -> float | None:
    whole = not (sequential.unprocessed or parallel.unprocessed)
    if whole and sequential.ms is not None and parallel.ms is not None:
        return sequential.ms / parallel.ms
    return None
