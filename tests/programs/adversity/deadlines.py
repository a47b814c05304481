"""Meet deadlines and timeouts beside jumping_clock.c."""

from __future__ import annotations

import time

import bcrypt_batch

first, second = time.time(), time.time()
assert abs(first - second) > 1e7, "the clock doesn't jump"
for workers in (1, 2):
    late = bcrypt_batch.hash_many([b"pw"] * 20, cost=20, workers=workers, deadline=0.2)
    assert len(late.unprocessed) == 20
    assert bcrypt_batch.hash_many([b"pw"] * 20, cost=4, workers=workers, deadline=600).complete
with bcrypt_batch.Checker(workers=2) as checker:
    hashed = checker.hash(b"pw", cost=4, timeout=600)
    assert checker.check(b"pw", hashed, timeout=600)
    try:
        checker.hash(b"pw", cost=16, timeout=0.1)
    except TimeoutError:
        print("in time")
