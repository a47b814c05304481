from __future__ import annotations

from bcrypt_batch import hash_many, start_workers, stop_workers
from tests.programs.pools.tasks import tasks

stopped: list[int] = []


def progress(done: int, total: int) -> None:
    if done and not stopped:
        stop_workers()
        stopped.append(done)
        start_workers(3)


start_workers(2)
result = hash_many([b"pw"] * 100, cost=8, workers=2, progress=progress)
assert result.complete
assert stopped
assert result.stats.threads_used == 2, result.stats
assert len(tasks()) == 4, tasks()
assert hash_many([b"pw"] * 200, cost=4, workers=3).complete
