"""Hashes that a child must make as its parent did; workers are kept if the argument is "keep"."""

from __future__ import annotations

import sys

import bcrypt_batch
from tests.programs.process import count_threads

SALTS = [b"%016d" % i for i in range(8)]


def hashes() -> list[bytes | None]:
    return bcrypt_batch.hash_many([b"pw"] * 8, cost=4, salts=SALTS, workers=2).values


def check_child() -> None:
    for _ in range(3):
        assert hashes() == expected
    alone = count_threads()  # more than one where an emulator has its own
    bcrypt_batch.start_workers(3)
    assert count_threads() == alone + 3
    assert hashes() == expected
    bcrypt_batch.stop_workers()
    assert count_threads() == alone


if sys.argv[1:] == ["keep"]:
    bcrypt_batch.start_workers(2)
expected = hashes()
