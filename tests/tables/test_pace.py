"""A row's hash is read once before its batch, to estimate its time."""

from __future__ import annotations

from typing import Any

import bcrypt
import pytest

from bcrypt_batch.limits import iterations
from bcrypt_batch.schemes import work
from bcrypt_batch.tables import compute
from bcrypt_batch.tables.compute import Job, Pace
from bcrypt_batch.tables.rows import Row

HASH = bcrypt.hashpw(b"pw", b"$2b$04$" + b"." * 22)


def test_each_row_is_weighed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    weighed = []

    def counted(hashed: Any, scheme: str | None, max_cost: int) -> int:
        weighed.append(hashed)
        return work(hashed, scheme, max_cost)

    monkeypatch.setattr(compute, "work", counted)
    rows = [Row(i, None, b"pw", HASH) for i in range(100)]
    pace = Pace(Job("verify", workers=1), 0.0)
    for _ in pace.stretches(iter(rows)):
        pace.took(0.01, 1)
    assert len(weighed) == 100


@pytest.mark.parametrize(
    ("hashed", "weight"),
    [
        (HASH, 16),
        (b"$2x$05" + HASH[6:], 32),
        (b"$2b$17" + HASH[6:], 0),
        (HASH[:-1], 0),
        (HASH + b".", 0),
        (HASH[:-1] + b"!", 0),  # the batch refuses a bad digest too
        (b"$2b$03" + HASH[6:], 0),
        (b"", 0),
        (None, 0),
    ],
)
def test_only_what_is_computed_weighs(hashed: bytes | None, weight: int) -> None:
    assert iterations(hashed, 16) == weight
