from __future__ import annotations

import bcrypt_batch

assert bcrypt_batch.hash_many([b"pw"], cost=4, workers=1).complete
for call in (
    bcrypt_batch.worker_count,
    bcrypt_batch.start_workers,
    lambda: bcrypt_batch.hash_many([b"pw"], cost=4),
):
    try:
        call()
    except ValueError as error:
        print(error)
