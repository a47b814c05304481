from __future__ import annotations

try:
    import bcrypt_batch
except ImportError as error:
    print("refused:", error)
else:
    print("works:", all(bcrypt_batch.hash_many([b"pw"] * 4, cost=4, workers=2).values))
