"""Contestants take turns at a load: rates, percentiles, a grid, JSON and a chart."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from benchmarks.grid import Grid
from benchmarks.progress import about, bar

PERCENTS = (50, 95, 99)
Figures = dict[str, dict[str, float]]  # of each contestant, by name

Contestant = TypeVar("Contestant")


class Turn(NamedTuple):
    """One contestant's turn: checks a second, and the milliseconds of each check."""

    per_second: float
    times_ms: list[float]


def measure(
    title: str,
    run: Callable[[Contestant, int], Turn],
    field: dict[str, Contestant],
    turns: int,
    unit: str = "checks",
) -> Figures:
    """Let each contestant run once a turn; print and return their figures."""
    found: dict[str, list[Turn]] = {name: [] for name in field}
    with bar(turns * len(field)) as progress:
        for turn in range(turns):
            for name, contestant in field.items():
                about(progress, f"{title}, turn {turn + 1}: {name}")
                found[name].append(run(contestant, turn))
                progress.update()
    figures = {name: summary(own) for name, own in found.items()}
    print(grid(title, figures, unit).plain(), flush=True)
    return figures


def summary(turns: list[Turn]) -> dict[str, float]:
    """Return the median of the turns' rates, and percentiles of all their times."""
    times = sorted(time_ms for turn in turns for time_ms in turn.times_ms)
    figures = {"per_second": statistics.median(turn.per_second for turn in turns)}
    for percent in PERCENTS:
        place = min(len(times) - 1, len(times) * percent // 100)
        figures[f"p{percent}_ms"] = times[place] if times else float("nan")
    return figures


def grid(title: str, figures: Figures, unit: str) -> Grid:
    """Return the grid of one load: rates, percentiles, and ratios to the first contestant."""
    reference = next(iter(figures.values()))
    lines = []
    for name, own in figures.items():
        ratios = [own[key] / (reference[key] or math.nan) for key in ("per_second", "p95_ms")]
        lines.append([name, *own.values(), *ratios])
    headings = ["", f"{unit}/s", *(f"P{p}, ms" for p in PERCENTS), f"ratio: {unit}/s", "P95"]
    return Grid(title, headings, lines)


def chart(closed: dict[int, Figures], clients_are: str, unit: str, title: str, file: Path) -> None:
    """Draw rate and P95 of the closed loops over the number of clients."""
    from matplotlib.figure import Figure

    figure = Figure((11, 4.6), layout="constrained")
    rate, p95 = figure.subplots(1, 2)
    clients = list(closed)
    for name in closed[clients[0]]:
        style = {"marker": "o", "linestyle": "-" if "hecker" in name else "--", "label": name}
        rate.plot(clients, [closed[n][name]["per_second"] for n in clients], **style)
        p95.plot(clients, [closed[n][name]["p95_ms"] for n in clients], **style)
    for axes, about_it in ((rate, f"{unit} a second"), (p95, "P95, ms")):
        axes.set_xscale("log", base=2)
        axes.set_xticks(clients, [str(n) for n in clients])
        axes.minorticks_off()
        axes.set_xlabel(clients_are)
        axes.set_title(about_it, fontsize=10)
        axes.grid(alpha=0.3)
    rate.set_ylim(bottom=0)
    p95.set_yscale("log")
    figure.suptitle(title, fontsize=10)
    handles, labels = rate.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=8)
    figure.savefig(file)


def write(
    output: Path,
    name: str,
    clients: str,
    here: dict[str, Any],
    cost: int,
    results: dict[str, Any],
    unit: str = "checks",
) -> None:
    """Write NAME.json with all results, and NAME.svg with the closed loops of these clients."""
    output.mkdir(parents=True, exist_ok=True)
    files = [output / f"{name}.json", output / f"{name}.svg"]
    content = {"machine": here, "cost": cost, "results": results}
    files[0].write_text(json.dumps(content, indent=1) + "\n")
    title = f"cost {cost}, {here['cpu']}, {here['date']}, commit {here['commit']}"
    chart(results["closed"], clients, unit, title, files[1])
    print(f"written: {files[0]}, {files[1]}")
