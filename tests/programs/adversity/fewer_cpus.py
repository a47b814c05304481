"""Compute while CPUs are taken away and given back: between calls, and during one."""

from __future__ import annotations

import os
from typing import Any

import bcrypt_batch
from bcrypt_batch import BatchStats, run
from tests.programs.process import thread_ids

ALL = sorted(os.sched_getaffinity(0))


def compute(**options: Any) -> BatchStats:
    passwords = [b"%d" % i for i in range(40)]
    made = bcrypt_batch.hash_many(passwords, cost=4, **options)
    hashes = [hashed or b"" for hashed in made.values]
    assert bcrypt_batch.verify_many(passwords, hashes).values == [True] * 40
    return made.stats


def allow(cpus: set[int]) -> None:
    for task in thread_ids():
        os.sched_setaffinity(int(task), cpus)


def shrink(done: int, total: int) -> None:
    allow({ALL[done % len(ALL)]} if done % 3 else set(ALL))


assert bcrypt_batch.start_workers(len(ALL)) == len(ALL)
compute()
for cpus in ({ALL[0]}, set(ALL), {ALL[-1]}):
    allow(cpus)
    # Their number is read once, as documented.
    assert compute().workers == bcrypt_batch.worker_count() == len(ALL)
    assert compute(workers=4).workers == 4
run.TICK_NS = 300_000
for _ in range(20):
    compute(workers=2, progress=shrink)
print("right")
