"""Draw latency and cost over memory, and the published figures below on axes of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.memory.figures import costs
from benchmarks.memory.figures.summary import Row, curves

COLOURS = {"arm64": "tab:orange", "x86_64": "tab:blue"}
MARKERS = {"bcrypt_batch": "o", "pyca": "s"}


def draw(rows: list[Row], parameters: dict[str, Any], title: str, file: Path) -> None:
    """Draw the measured rows, and below them the published curves if the workload is the same."""
    rust = costs.PUBLISHED
    comparable = all(parameters[name] == rust[name] for name in ("items", "cost"))
    figure = Figure((11, 4.5 + 4 * comparable), layout="constrained")
    grid = figure.subplots(1 + comparable, 2, squeeze=False)
    _finish(grid[0], "measured", _draw_measured(rows, *grid[0]))
    if comparable:
        _finish(grid[1], "published, Rust on Lambda", _draw_published(rust, *grid[1]))
    figure.suptitle(f"{title}; less is better", fontsize=10)
    figure.savefig(file)


def _finish(pair: Any, source: str, sizes_mb: set[int]) -> None:
    """Set the titles of one source's two axes, and their common labels."""
    latency, cost = pair
    for axes in pair:
        axes.set_xscale("log", base=2)
        axes.set_xticks(sorted(sizes_mb), [str(size) for size in sorted(sizes_mb)], rotation=45)
        axes.minorticks_off()
        axes.set_xlabel("memory, MB")
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    latency.set_title(f"{source}: P50 of warm invocations, ms", fontsize=9)
    cost.set_title("USD per million warm invocations, list price", fontsize=9)
    if sizes_mb:
        latency.legend(fontsize=8)


def _draw_measured(rows: list[Row], latency: Any, cost: Any) -> set[int]:
    """Draw a curve of P50 for each architecture and engine in one mode, with a band to P95."""
    drawn = curves([row for row in rows if row.mode == _mode(rows)])
    for (architecture, engine, mode), curve in drawn.items():
        memory_mb = [row.memory_mb for row in curve]
        statistics = [row.warm_ms for row in curve if row.warm_ms]
        style = {"color": COLOURS[architecture], "marker": MARKERS[engine]}
        if engine != "bcrypt_batch":
            style["color"] = "tab:grey"
        p50 = [found.p50 for found in statistics]
        latency.plot(
            memory_mb, p50, label=f"{engine}, {architecture}, {mode}; band: to P95", **style
        )
        p95 = [found.p95 for found in statistics]
        latency.fill_between(memory_mb, p50, p95, color=style["color"], alpha=0.15)
        cost.plot(memory_mb, [row.usd_per_million_warm for row in curve], **style)
    return {row.memory_mb for curve in drawn.values() for row in curve}


def _mode(rows: list[Row]) -> str:
    """Return the mode to draw: sequential, the baseline, only if parallel was not measured."""
    modes = {row.mode for row in rows}
    return "parallel" if "parallel" in modes else "sequential"


def _draw_published(rust: dict[str, Any], latency: Any, cost: Any) -> set[int]:
    """Draw the published durations, and their cost by `million_usd`; return the sizes."""
    memory_mb = rust["memory_mb"]
    for architecture, durations_ms in rust["duration_ms"].items():
        style = {"color": COLOURS[architecture], "linestyle": "--"}
        latency.plot(memory_mb, durations_ms, label=f"Rust, {architecture}", **style)
        usd = [
            costs.million_usd(architecture, size, duration_ms)
            for size, duration_ms in zip(memory_mb, durations_ms, strict=True)
        ]
        cost.plot(memory_mb, usd, **style)
    return set(memory_mb)
