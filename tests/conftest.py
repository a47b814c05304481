"""Fixtures shared by all tests."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

import bcrypt_batch
from emulator.function import Emulator
from tests.kernels import MAX_LANES

# No example fails for the time that it takes: the machine may be busy, or emulated.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

# A shell starts its background jobs with SIGINT ignored, and so would be the programs that the
# tests start to interrupt them.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _no_worker_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have set one for themselves."""
    for name in ("BCRYPT_BATCH_WORKERS", "WORKER_COUNT"):
        monkeypatch.delenv(name, raising=False)


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
    """The handler behind the real emulator, with two threads whatever this machine has."""
    with Emulator(environment={"WORKER_COUNT": "2"}) as running:
        yield running
