from __future__ import annotations

import bcrypt_batch

bcrypt_batch.start_workers()
assert bcrypt_batch.hash_many([b"pw"], cost=4).complete
print(bcrypt_batch.worker_count())
