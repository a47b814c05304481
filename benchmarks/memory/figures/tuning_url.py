"""The links that draw a sweep as aws-lambda-power-tuning draws its own results.

After the # come three lists in base64, separated by semicolons: memory sizes as 16-bit integers,
milliseconds and USD per invocation as 32-bit floats, all little-endian. The part after the # stays
in the browser. Source: aws-lambda-power-tuning-ui, README, "URL query string format".
"""

from __future__ import annotations

import base64
import struct

from benchmarks.memory.figures.costs import MILLION
from benchmarks.memory.figures.summary import Row, curves

PAGE = "https://lambda-power-tuning.show/#"


def urls(rows: list[Row]) -> dict[str, str]:
    """Return a link for each architecture, engine and mode."""
    return {", ".join(names): url(curve) for names, curve in curves(rows).items()}


def url(rows: list[Row]) -> str:
    """Return the link for memory sizes in ascending order, with mean duration and mean cost."""
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
