from __future__ import annotations

import os

from bcrypt_batch import hash_many, start_workers, stop_workers
from tests.programs.pools.tasks import tasks

for workers, threads in ((3, 4), (2, 3), (4, 5), (1, 1)):
    assert start_workers(workers) == workers
    assert len(tasks()) == threads, tasks()
start_workers(4)
for _ in range(2):
    stop_workers()
    assert tasks() == [os.getpid()]
assert hash_many([b"pw"] * 20, cost=4, workers=4).complete
assert tasks() == [os.getpid()]
