"""Write a sweep's summary: JSON, Markdown, and the same grids for the terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.grid import Grid
from benchmarks.memory.figures import costs, recommend, tuning_url
from benchmarks.memory.figures.summary import (
    Comparison,
    Row,
    Statistics,
    architectures_compared,
    engines_compared,
    summarise,
)
from benchmarks.memory.targets.invocation import Invocation

LINKS = "In the chart of aws-lambda-power-tuning"
CONFIGURATION = ["architecture", "MB", "engine", "mode"]


def content(parameters: dict[str, Any], rows: list[Row]) -> dict[str, Any]:
    """Return the summary as a JSON object."""
    return {
        "parameters": parameters,
        "prices": costs.PRICES,
        "unit": "ms, unless a name states another",
        "rows": [_plain(row) for row in rows],
        "architectures_compared": [_plain(row) for row in architectures_compared(rows)],
        "engines_compared": [_plain(row) for row in engines_compared(rows)],
    }


def _plain(value: Any) -> Any:
    """Return a row as a dict, its statistics too, with figures of four decimals."""
    if isinstance(value, Row | Comparison | Statistics):
        return {name: _plain(field) for name, field in value._asdict().items()}
    return round(value, 4) if isinstance(value, float) else value


def grids(rows: list[Row]) -> list[Grid]:
    """Return the summary's grids that have rows."""
    compared = [
        _comparison("arm64 against x86_64", architectures_compared(rows)),
        _comparison("bcrypt_batch against pyca/bcrypt", engines_compared(rows)),
    ]
    found = [_durations(rows), _speedups(rows), _cold_starts(rows), _costs(rows), *compared]
    return [grid for grid in found if grid.rows]


def _name(row: Row) -> list[Any]:
    return [row.architecture, row.memory_mb, row.engine, row.mode]


def _durations(rows: list[Row]) -> Grid:
    headings = ["workers", "n", "P50", "P90", "P95", "P99", "mean", "min", "max", "failed",
                "retried"]  # fmt: skip
    lines = []
    for row in rows:
        figures = [None] * 8 if row.warm_ms is None else list(row.warm_ms)
        lines.append([*_name(row), row.note or row.workers, *figures, row.failed, row.retried])
    return Grid("Warm invocations, ms", [*CONFIGURATION, *headings], lines)


def _speedups(rows: list[Row]) -> Grid:
    headings = ["hashes/s", "hashes/s/vCPU", "against smallest", "per worker", "per vCPU",
                "against sequential", "per vCPU"]  # fmt: skip
    lines = [
        [
            *_name(row),
            row.hashes_per_s,
            row.hashes_per_s_vcpu,
            row.speedup_smallest,
            row.efficiency_worker,
            row.efficiency_vcpu,
            row.speedup_sequential,
            row.efficiency_sequential,
        ]
        for row in rows
        if row.warm_ms
    ]
    note = (
        "By P50s. Against the smallest size: the speed-up, and the speed-up per worker and per "
        "vCPU (MB / 1769) relative to that size. Against sequential mode at the same memory: the "
        "speed-up, and the speed-up per vCPU paid for; sequential mode uses one vCPU at most."
    )
    return Grid("Speed-up and efficiency", [*CONFIGURATION, *headings], lines, note)


def _cold_starts(rows: list[Row]) -> Grid:
    headings = ["n", "INIT P50", "INIT min", "INIT max", "request P50", "max memory MB"]
    lines = []
    for row in rows:
        if row.cold_ms:
            init = row.init_ms
            figures = [init.p50, init.min, init.max] if init else [None] * 3
            count = row.cold_ms.n
            lines.append([*_name(row), count, *figures, row.cold_ms.p50, row.max_memory_mb])
    return Grid("Cold starts, ms", [*CONFIGURATION, *headings], lines)


def _costs(rows: list[Row]) -> Grid:
    lines = [
        [*_name(row), row.usd_per_million_warm, row.usd_per_million_cold]
        for row in rows
        if row.usd_per_million_warm or row.usd_per_million_cold
    ]
    region, checked = costs.PRICES["region"], costs.PRICES["checked"]
    note = f"List prices of {region}, {checked}, request fee included."
    headings = [*CONFIGURATION, "warm", "cold, with INIT"]
    return Grid("USD per million invocations", headings, lines, note)


def _comparison(title: str, found: list[Comparison]) -> Grid:
    lines = [
        [c.architecture, c.memory_mb, c.engine, c.mode, c.speedup_min, c.speedup_p50, c.cost_ratio]
        for c in found
    ]
    headings = [*CONFIGURATION, "times as fast, min", "P50", "cost, ratio"]
    return Grid(title, headings, lines)


def write(
    folder: Path,
    parameters: dict[str, Any],
    invocations: list[Invocation],
    chosen_for: recommend.Workload,
) -> None:
    """Write summary.json, summary.md and chart.svg beside the samples, and print the tables."""
    from benchmarks.memory.figures.chart import draw  # matplotlib takes a second to load

    rows = summarise(invocations)
    found = [*grids(rows), recommend.table(rows, parameters, chosen_for)]
    links = tuning_url.urls(rows)
    summary = {**content(parameters, rows), "power_tuning_links": links}
    (folder / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
    workload = f"{parameters['items']} hashes of cost {parameters['cost']} an invocation"
    title = f"{workload}, {place(parameters)}, {days(invocations)}"
    markdown = [
        f"# {title}\n",
        *(table.markdown() for table in found),
        f"## {LINKS}\n",
        *(f"- [{name}]({link})" for name, link in links.items()),
    ]
    (folder / "summary.md").write_text("\n".join(markdown) + "\n")
    draw(rows, parameters, title, folder / "chart.svg")
    print(title + "\n")
    print("\n".join(table.plain() for table in found))
    print("\n".join([LINKS, *(f"{name}: {link}" for name, link in links.items())]) + "\n")
    print(f"written: {folder}/samples.csv, summary.json, summary.md, chart.svg")


def place(parameters: dict[str, Any]) -> str:
    """Return the place of the measurement."""
    if parameters["target"] == "lambda":
        return f"AWS Lambda, {parameters['region']}"
    machine = parameters["machine"]
    where = f"{machine['cpu']}, {machine['cpus']} CPUs, commit {machine['commit']}"
    return f"emulator under CPU quotas, {where}"


def days(invocations: list[Invocation]) -> str:
    """Return the days of the first and the last invocation, or one day if they are equal."""
    return " to ".join(sorted({f(row.at[:10] for row in invocations) for f in (min, max)}))
