"""Collect the tests that need a quota; end with an error if collecting made a quota."""

from __future__ import annotations

import sys

import pytest

from emulator.quota import Quota

made: list[Quota] = []


def enter(self: Quota) -> Quota:
    made.append(self)
    return self


Quota.__enter__ = enter  # type: ignore[method-assign]
where = ["tests/emulator", "tests/benchmarks/memory/test_sweep.py"]
assert pytest.main(["--collect-only", "-q", *where]) == 0
sys.exit(f"{len(made)} quotas" if made else 0)
