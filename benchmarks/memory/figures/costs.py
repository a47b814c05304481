"""The cost of an invocation, from the list prices in prices.json.

Each request is billed, and each millisecond begun of the request and of a cold start's INIT phase.
A GB is 1024 MB. The free tier, higher tiers and savings plans are left out.
"""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

PRICES = Path(__file__).with_name("prices.json")
MILLION = 1_000_000


@cache
def prices() -> dict[str, Any]:
    """Return the content of prices.json."""
    content: dict[str, Any] = json.loads(PRICES.read_text())
    return content


def billed_ms(duration_ms: float, init_ms: float = 0.0) -> int:
    """Return the billed milliseconds of an invocation."""
    return math.ceil(round(duration_ms + init_ms, 6))  # 12.1 + 30.9 must not exceed 43


def million_usd(architecture: str, memory_mb: int, billed_ms: float) -> float:
    """Return the cost of a million invocations, given the average billed milliseconds of one."""
    gb_seconds = memory_mb / prices()["mb_per_gb"] * billed_ms / 1000 * MILLION
    duration_usd: float = gb_seconds * prices()["usd_per_gb_second"][architecture]
    requests_usd: float = prices()["usd_per_million_requests"]
    return duration_usd + requests_usd
