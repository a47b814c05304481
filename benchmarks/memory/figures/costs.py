"""The cost of an invocation, from the list prices in prices.json; the published figures.

AWS bills each request, and each started millisecond of the request and of a cold start's INIT.
A GB is 1024 MB. The free tier, higher tiers and savings plans are left out.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PRICES: dict[str, Any] = json.loads((HERE / "prices.json").read_text())
# The figures that AWS published of a Rust implementation.
PUBLISHED: dict[str, Any] = json.loads((HERE / "published.json").read_text())
MILLION = 1_000_000


def billed_ms(duration_ms: float, init_ms: float = 0.0) -> int:
    """Return the billed milliseconds of an invocation."""
    return math.ceil(round(duration_ms + init_ms, 6))  # 12.1 + 30.9 must not exceed 43


def million_usd(architecture: str, memory_mb: int, billed_ms: float) -> float:
    """Return the cost of a million invocations, given the average billed milliseconds of one."""
    gb_seconds = memory_mb / PRICES["mb_per_gb"] * billed_ms / 1000 * MILLION
    duration_usd: float = gb_seconds * PRICES["usd_per_gb_second"][architecture]
    return duration_usd + float(PRICES["usd_per_million_requests"])
