from __future__ import annotations

import bcrypt_batch
from bcrypt_batch import BatchResult
from tests.programs.interrupts.large_batch import PASSWORDS

hashes = [bcrypt_batch.hashpw(b"pw", bcrypt_batch.gensalt(4))] * len(PASSWORDS)
results: list[BatchResult[bool] | BatchResult[bytes]] = [
    bcrypt_batch.verify_many(PASSWORDS, hashes, workers=2, deadline=0.01),
    bcrypt_batch.hash_many(PASSWORDS, cost=4, workers=2, deadline=0.01),
]
for result in results:
    assert result.unprocessed == list(range(len(PASSWORDS)))
    assert result.stats.threads_used == 0
