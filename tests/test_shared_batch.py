"""Batches by a SharedChecker's server: the results of hash_many and verify_many."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import bcrypt_batch
from bcrypt_batch import BatchResult, CheckerAway, ItemError, SharedChecker, batch, shared_batch
from tests.test_frames import HASH, PASSWORD, check

MADE = bcrypt_batch.hashpw(b"s3cret", bcrypt_batch.gensalt(4))
LONG = bcrypt_batch.hashpw(b"x" * 72, bcrypt_batch.gensalt(4))
OLD = bcrypt_batch.hashpw(b"\xe9", b"$2x$04$" + b"." * 22)
REFUSED = ItemError("refused", "before")
PASSWORDS = [
    b"s3cret", b"guess", b"x" * 73, None, b"\xe9", REFUSED, b"s3cret", b"s3cret", b"", b"\xff",
]  # fmt: skip
HASHES = [
    MADE, MADE, LONG, MADE, OLD, MADE, b"no hash", MADE.replace(b"$04", b"$17"), MADE, b"$6$salt",
]  # fmt: skip


@pytest.fixture
def checker(tmp_path: Path) -> Iterator[SharedChecker]:
    """It finds no server, and so computes in this process: what a batch makes of it is the same."""
    with SharedChecker(tmp_path / "nobody") as checker:
        yield checker


def both(
    checker: SharedChecker, hashes: list[Any] | None, **options: Any
) -> tuple[BatchResult[Any], BatchResult[Any]]:
    options = {"cost": 4, "prefix": b"2b", "max_cost": 16, "deadline": 60, **options}
    shared = shared_batch.hash_or_verify(checker, [*PASSWORDS], hashes, **options)
    alone = batch.hash_or_verify(PASSWORDS, hashes, **options)
    for name in ("unprocessed", "truncated", "complete"):
        assert getattr(shared, name) == getattr(alone, name), name
    found, wanted = ({i: str(e) for i, e in one.errors.items()} for one in (shared, alone))
    assert found == wanted
    assert shared.stats.kernel == alone.stats.kernel
    assert shared.stats.threads_used == 0
    return shared, alone


@pytest.mark.parametrize("truncate", [True, False])
def test_it_verifies_as_verify_many_does(checker: SharedChecker, truncate: bool) -> None:
    shared, alone = both(checker, HASHES, truncate=truncate)
    assert shared.values == alone.values
    assert shared.values[:2] == [True, False]
    assert shared.values[4] is True


@pytest.mark.parametrize("prefix", [b"2a", b"2b", b"2y"])
@pytest.mark.parametrize("truncate", [True, False])
def test_it_hashes_as_hash_many_does(checker: SharedChecker, truncate: bool, prefix: bytes) -> None:
    shared, alone = both(checker, None, truncate=truncate, prefix=prefix)
    for password, made, wanted in zip(PASSWORDS, shared.values, alone.values, strict=True):
        assert (made and made[:7]) == (wanted and wanted[:7])
        if isinstance(password, bytes) and made:
            assert bcrypt_batch.checkpw(password[:72], made)
    salts = [made[7:29] for made in shared.values if made]
    assert len(set(salts)) == len(salts) >= 5


@pytest.mark.parametrize("hashes", [HASHES, None], ids=["verify", "hash"])
def test_what_is_late_is_unprocessed(checker: SharedChecker, hashes: list[bytes] | None) -> None:
    """Of those only that were not refused before."""
    options: dict[str, Any] = {"cost": 12, "prefix": b"2b", "max_cost": 16, "truncate": True}
    late = shared_batch.hash_or_verify(checker, PASSWORDS, hashes, deadline=0, **options)
    assert late.values == [None] * len(PASSWORDS)
    assert sorted([*late.errors, *late.unprocessed]) == list(range(len(PASSWORDS)))
    assert {3, 5} <= late.errors.keys()
    assert not late.complete
    assert late.truncated == []


def test_no_frame_of_an_exception_keeps_a_password(tmp_path: Path) -> None:
    options: dict[str, Any] = {"cost": 4, "prefix": b"2b", "max_cost": 4, "truncate": True}
    with SharedChecker(tmp_path / "nobody", when_away="raise") as checker:
        error = check(
            shared_batch.hash_or_verify, checker, [PASSWORD], [HASH], deadline=9.0, **options
        )
    assert isinstance(error, CheckerAway)
