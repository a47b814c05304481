from __future__ import annotations

from pathlib import Path

from bcrypt_batch import hash_many, start_workers
from tests.programs.pools.tasks import tasks

assert start_workers(3) == 3
kept = tasks()
assert len(kept) == 4
names = {Path(f"/proc/self/task/{thread}/comm").read_text() for thread in kept[1:]}
assert names == {"bcrypt_batch\n"}
for workers in (3, 2, 3):
    for count in (2, 30):
        stats = hash_many([b"pw"] * count, cost=6, workers=workers, lanes=1).stats
        assert set(stats.thread_ids) <= set(kept[1:]), (stats.thread_ids, kept)
        assert stats.workers == workers
    assert tasks() == kept
assert not set(hash_many([b"pw"] * 40, cost=6, workers=4).stats.thread_ids) & set(kept)
assert tasks() == kept
assert start_workers(3) == 3
assert tasks() == kept
