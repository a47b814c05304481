"""Print the link that draws a sweep as aws-lambda-power-tuning draws its own results.

After the # come three lists in base64, separated by semicolons: memory sizes as 16-bit integers,
milliseconds and USD per invocation as 32-bit floats, all little-endian. The part after the # stays
in the browser. Source: aws-lambda-power-tuning-ui, README, "URL query string format".
"""

from __future__ import annotations

import argparse
import base64
import struct
from collections import defaultdict
from pathlib import Path

from benchmarks.memory.figures.costs import MILLION
from benchmarks.memory.figures.folder import load
from benchmarks.memory.figures.summary import Row

PAGE = "https://lambda-power-tuning.show/#"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sweep", type=Path, default=Path("build/sweep"), help="its folder")
    parser.add_argument("--mode", choices=["parallel", "sequential"], default="parallel")


def run(arguments: argparse.Namespace) -> int | str:
    """Print a link for each architecture and engine."""
    curves: dict[str, list[Row]] = defaultdict(list)
    for row in load(arguments.sweep)[1]:
        if row.mode == arguments.mode and row.warm_ms:
            curves[f"{row.architecture}, {row.engine}, {row.mode}"].append(row)
    for name, rows in curves.items():
        print(f"{name}:\n{url(rows)}")
    if not curves:
        return f"tuning-url: {arguments.sweep} has no warm invocations in {arguments.mode} mode"
    return 0


def url(rows: list[Row]) -> str:
    """Return the link for some sizes, in ascending order: mean duration, and mean cost."""
    figures = [
        (row.memory_mb, row.warm_ms.mean, row.usd_per_million_warm / MILLION)
        for row in rows
        if row.warm_ms and row.usd_per_million_warm
    ]
    sizes_mb, means_ms, costs_usd = zip(*figures, strict=True)
    parts = [_encoded("h", sizes_mb), _encoded("f", means_ms), _encoded("f", costs_usd)]
    return PAGE + ";".join(parts)


def _encoded(kind: str, values: tuple[float, ...]) -> str:
    return base64.b64encode(struct.pack(f"<{len(values)}{kind}", *values)).decode()
