"""A checker in a greenlet's own thread, in the library's pool, and in a child."""

from __future__ import annotations

import os

from tests.programs.process import end_child, wait_for_child
from tests.programs.servers.patched import bcrypt_batch, in_pool

checker = bcrypt_batch.Checker(workers=2)
hashed = checker.hash(b"pw", cost=4)  # in the hub's own thread: it waits, and so do the others


def check(i: int) -> bool:
    return checker.check(b"pw" if i % 2 else b"px", hashed)


assert [in_pool(check, i) for i in range(6)] == [False, True] * 3
if not (pid := os.fork()):
    assert checker.check(b"pw", hashed)
    end_child()
wait_for_child(pid)
assert checker.check(b"pw", hashed, timeout=60)
checker.close()
