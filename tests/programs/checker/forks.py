"""Fork, from Python and from C, in the middle of calls: children have an empty, working checker."""

from __future__ import annotations

import ctypes
import os
import threading
import time

import bcrypt_batch
from tests.programs.process import end_child, wait_for_child

hashed = bcrypt_batch.hashpw(b"pw", bcrypt_batch.gensalt(4))
checker = bcrypt_batch.Checker(workers=2, lanes=2)


def fork_from_c() -> int:
    return int(ctypes.PyDLL(None).fork())


others = [
    threading.Thread(target=checker.hash, args=(b"pw",), kwargs={"cost": 11}) for _ in range(8)
]
for other in others:
    other.start()
while checker.stats().in_flight < 4:
    time.sleep(0.001)
for fork in (os.fork, fork_from_c):
    if not (pid := fork()):
        stats = checker.stats()
        assert (stats.waiting, stats.in_flight, stats.finished) == (0, 0, 0)
        assert checker.check(b"pw", hashed)
        assert not checker.check(b"px", hashed)
        if not (grandchild := os.fork()):
            assert checker.check(b"pw", hashed)
            end_child()
        wait_for_child(grandchild)
        checker.close()
        end_child()
    wait_for_child(pid)
for other in others:
    other.join()
checker.close()
assert checker.stats().finished == 8
