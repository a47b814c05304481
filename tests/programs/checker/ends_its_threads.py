from __future__ import annotations

import bcrypt_batch
from tests.programs.process import count_threads, start_a_first_thread

start_a_first_thread()
before = count_threads()
bcrypt_batch.start_workers(2)
kept = count_threads()
for _ in range(20):
    with bcrypt_batch.Checker(workers=2) as checker:
        assert count_threads() == kept
        checker.hash(b"pw", cost=4)
        assert count_threads() == kept + 2, count_threads()
        result = bcrypt_batch.hash_many([b"pw"] * 9, cost=4, workers=2)
        assert len(result.stats.thread_ids) <= 2
    assert count_threads() == kept
bcrypt_batch.stop_workers()
assert count_threads() == before
