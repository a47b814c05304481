from __future__ import annotations

import greenlet

import bcrypt_batch
from bcrypt_batch import BatchResult, hash_many


def first() -> BatchResult[bytes]:
    return hash_many([b"pw"] * 60, cost=9, workers=2, progress=lambda *_: main.switch())


main = greenlet.getcurrent()
other = greenlet.greenlet(first)
result = other.switch()
turns = 0
while not other.dead:
    turns += 1
    assert all(hash_many([b"%d" % turns] * 5, cost=4, workers=2).values)
    result = other.switch()
assert turns > 1
assert result.complete
assert all(result.values)
assert all(bcrypt_batch.verify_many([b"pw"] * 60, result.values).values)
