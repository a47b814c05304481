"""Fork, from Python and from C, in the middle of calls: children have an empty, working checker.

Not from C without a GIL: when such a child forks, Python waits for threads that are not there.
"""

from __future__ import annotations

import ctypes
import os
import sysconfig
import threading
import time

import bcrypt_batch
from tests.programs.process import end_child, wait_for_child

hashed = bcrypt_batch.hashpw(b"pw", bcrypt_batch.gensalt(4))
checker = bcrypt_batch.Checker(workers=2, lanes=2)


def fork_from_c() -> int:
    return int(ctypes.PyDLL(None).fork())


def ask_until_forked() -> None:
    while not forked.is_set():
        checker.hash(b"pw", cost=10)


forked = threading.Event()
others = [threading.Thread(target=ask_until_forked, daemon=True) for _ in range(8)]
for other in others:
    other.start()
while checker.stats().in_flight < 4:
    time.sleep(0.001)
for fork in (os.fork,) if sysconfig.get_config_var("Py_GIL_DISABLED") else (os.fork, fork_from_c):
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
forked.set()
for other in others:
    other.join()
checker.close()
assert checker.stats().finished >= 8
