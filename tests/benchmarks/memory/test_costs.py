"""What invocations cost, by our rule and by the published table's."""

from __future__ import annotations

import pytest

from benchmarks.memory.figures import costs
from emulator import sizes

TABLE = costs.PUBLISHED


def test_gb_are_of_1024_mb_and_requests_are_paid_for() -> None:
    # 1.5 GB for 1.885 s, a million times, and the fee.
    wanted_usd = 1.5 * 1.885 * 13.3334 + 0.20
    assert costs.million_usd("arm64", 1536, 1885) == pytest.approx(wanted_usd, rel=1e-12)
    assert costs.million_usd("x86_64", 1024, 1000) == pytest.approx(16.6667 + 0.20, rel=1e-12)


@pytest.mark.parametrize(
    ("duration_ms", "init_ms", "billed_ms"),
    [(12.0, 0.0, 12), (12.01, 0.0, 13), (4.42, 333.05, 338), (12.1, 30.9, 43), (0.01, 0.0, 1)],
)
def test_each_millisecond_begun_is_billed_and_init_too(
    duration_ms: float, init_ms: float, billed_ms: int
) -> None:
    assert costs.billed_ms(duration_ms, init_ms) == billed_ms


@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
def test_the_published_costs_follow_from_their_own_rule(architecture: str) -> None:
    """GB of 1000 MB and no request fee; the published milliseconds are rounded."""
    price = costs.PRICES["usd_per_gb_second"][architecture]
    usd = [
        memory_mb / 1000 * duration_ms / 1000 * price * costs.MILLION
        for memory_mb, duration_ms in zip(
            TABLE["memory_mb"], TABLE["duration_ms"][architecture], strict=True
        )
    ]
    assert [min(usd), max(usd)] == pytest.approx(TABLE["usd_per_million"][architecture], rel=2e-3)


@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
def test_ours_differ_from_the_published_ones_by_the_rule(architecture: str) -> None:
    for memory_mb, duration_ms in zip(
        TABLE["memory_mb"], TABLE["duration_ms"][architecture], strict=True
    ):
        price = costs.PRICES["usd_per_gb_second"][architecture]
        published_usd = memory_mb / 1000 * duration_ms / 1000 * price * costs.MILLION
        ours_usd = costs.million_usd(architecture, memory_mb, duration_ms)
        assert ours_usd == pytest.approx(published_usd * 1000 / 1024 + 0.20)


def test_the_published_workers_are_those_of_the_memory_sizes() -> None:
    assert list(map(sizes.workers, TABLE["memory_mb"])) == TABLE["workers"]
