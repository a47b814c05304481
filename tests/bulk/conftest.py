"""A bucket, the state machine and its functions, on moto."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bulk.complete import TABLE
from tests.bulk.engine import Engine, engine


@pytest.fixture
def bulk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A machine of a known speed: measuring this one's takes a second."""
    monkeypatch.setattr("bulk.plan.measure", lambda _job, **_: (1000.0, 6))
    with engine() as running:
        running.upload(TABLE)
        yield running
