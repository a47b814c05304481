"""Fixtures shared by all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import bcrypt_batch
from benchmarks.emulator import Emulator
from tests.kernels import MAX_LANES


@pytest.fixture(autouse=True)
def _no_worker_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have set it for themselves."""
    monkeypatch.delenv("WORKER_COUNT", raising=False)


@pytest.fixture(params=bcrypt_batch.kernels().supported)
def kernel(request: pytest.FixtureRequest) -> str:
    """Every compiled variant that this CPU can run."""
    return str(request.param)


@pytest.fixture(params=range(1, MAX_LANES + 1), ids="lanes{}".format)
def lanes(request: pytest.FixtureRequest) -> int:
    """Every lane count."""
    return int(request.param)


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """The handler behind the real emulator."""
    with Emulator() as running:
        yield running
