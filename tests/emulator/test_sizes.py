"""The CPUs of memory sizes, by AWS's rule."""

from __future__ import annotations

import pytest

from emulator import sizes


@pytest.mark.parametrize(
    ("memory_mb", "cpus"),
    [(128, 2), (3008, 2), (3009, 3), (5307, 3), (5308, 4), (7076, 4), (8845, 5), (8846, 6)],
)
def test_visible_cpus(memory_mb: int, cpus: int) -> None:
    assert sizes.visible_cpus(memory_mb) == cpus


def test_1769_mb_are_one_vcpu() -> None:
    assert sizes.vcpus(1769) == 1
    assert sizes.workers(1769) == 1
    assert sizes.workers(1770) == 2
