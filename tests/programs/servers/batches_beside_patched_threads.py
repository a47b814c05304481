"""Batches, forks, progress and Ctrl-C: nothing waited for may belong to one thread's loop."""

from __future__ import annotations

import os
import subprocess
import time

from tests.programs.process import end_child, wait_for_child
from tests.programs.servers.patched import bcrypt_batch, in_pool


def check() -> None:
    passwords = [b"%d" % i for i in range(40)]
    made = bcrypt_batch.hash_many(passwords, cost=4, workers=2).values
    hashes = [hashed or b"" for hashed in made]
    assert bcrypt_batch.verify_many(passwords, hashes, workers=3).values == [True] * 40
    assert bcrypt_batch.checkpw(passwords[0], hashes[0])


def count_progress() -> None:
    seen: list[int] = []
    started = time.monotonic()
    bcrypt_batch.hash_many(
        [b"pw"] * 100, cost=9, workers=2, progress=lambda done, total: seen.append(done)
    )
    print(f"progress {len(seen) / (time.monotonic() - started):.0f} times a second")
    assert len(seen) > 2
    assert seen == sorted(seen)


def be_interrupted() -> None:
    command = f"sleep 0.5; date +%s%N; kill -INT {os.getpid()}"
    with subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE) as killer:
        try:
            bcrypt_batch.hash_many([b"pw"] * 40, cost=18, workers=2)
        except KeyboardInterrupt as interruption:
            came = time.time()
            result = interruption.batch_result  # type: ignore[attr-defined]
            assert len(result.unprocessed) == 40
            assert killer.stdout
            print(f"Ctrl-C took {came * 1000 - int(killer.stdout.read()) / 1e6:.0f} ms")


for kept in (1, 2):
    bcrypt_batch.start_workers(kept)
    for _ in range(2):
        in_pool(check)
        check()
        in_pool(check)
    if not (pid := os.fork()):
        check()
        end_child()
    wait_for_child(pid)
count_progress()
be_interrupted()
