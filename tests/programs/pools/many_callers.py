from __future__ import annotations

import sys
import threading
import time

import bcrypt_batch
from bcrypt_batch import BatchResult, hash_many
from tests.programs.pools.tasks import tasks

CALLERS = int(sys.argv[1])
checked: list[BatchResult[bool]] = []


def call(i: int) -> None:
    passwords = [b"%d %d" % (i, j) for j in range(32)]
    result = hash_many(passwords, cost=4, workers=32, lanes=1)
    assert result.stats.workers == 32
    hashes = [hashed for hashed in result.values if hashed]
    checked.append(bcrypt_batch.verify_many(passwords, hashes, workers=32))


callers = [threading.Thread(target=call, args=(i,)) for i in range(CALLERS)]
for caller in callers:
    caller.start()
most = 0
while any(caller.is_alive() for caller in callers):
    most = max(most, len(tasks()))
    time.sleep(0.001)
assert len(checked) == CALLERS
assert all(all(result.values) for result in checked)
for caller in callers:
    caller.join()
while len(tasks()) > 1:  # Python's own threads are not cleared away before join returns
    time.sleep(0.001)
print(most)
