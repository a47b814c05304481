"""What an invocation costs, from the list prices in prices.json.

Billed is every millisecond begun, of the request and, on a cold start, of the INIT phase before
it; and each request. GB are of 1024 MB. The free tier, higher tiers and savings plans are left
out.
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
    """Return what is billed of an invocation that took so long."""
    return math.ceil(round(duration_ms + init_ms, 6))  # 12.1 + 30.9 is not a bit more than 43


def million_usd(architecture: str, memory_mb: int, billed_ms: float) -> float:
    """Return what a million invocations cost, given the milliseconds billed of one on average."""
    gb_seconds = memory_mb / prices()["mb_per_gb"] * billed_ms / 1000 * MILLION
    duration_usd: float = gb_seconds * prices()["usd_per_gb_second"][architecture]
    requests_usd: float = prices()["usd_per_million_requests"]
    return duration_usd + requests_usd
