"""Compute batches with ever less memory, and print the result of each.

From enough memory down to none, in steps smaller than a batch's allocations: each allocation is the
failing one at some point. The limit is on mapped memory: the C library maps each large block
separately.
"""

from __future__ import annotations

import gc
import resource
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import bcrypt_batch
from bcrypt_batch import BatchResult
from tests.programs.process import mapped_bytes

ITEMS = 20_000
Answer = TypeVar("Answer")
bcrypt_batch.start_workers(2)
passwords = [b"pw"] * ITEMS
hashes = [bcrypt_batch.hashpw(b"pw", bcrypt_batch.gensalt(4))] * ITEMS


def verify() -> BatchResult[bool]:
    return bcrypt_batch.verify_many(passwords, hashes, workers=2, deadline=0.001)


def hash() -> BatchResult[bytes]:  # noqa: A001
    return bcrypt_batch.hash_many(passwords, cost=4, workers=2, deadline=0.001)


def within(room: int, call: Callable[[], Answer]) -> Answer | None:
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (mapped_bytes() + room, hard))
    try:
        return call()
    except MemoryError:
        return None
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, hard))


def use(call: Callable[[], BatchResult[Any]]) -> None:
    call()
    for room in range(8 << 20, -1, -(32 << 10)):
        gc.collect()
        result = within(room, call)
        assert result is None or len(result.values) == ITEMS
        print(call.__name__, "MemoryError" if result is None else "result")
        del result
    assert bcrypt_batch.verify_many(passwords[:9], hashes[:9]).values == [True] * 9


if within(1 << 20, lambda: bytearray(64 << 20)):
    print("no limit")
    sys.exit()
use(hash)
use(verify)
