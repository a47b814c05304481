"""Fork in a signal handler: both processes get the answer of the call that it interrupts.

With the argument `early` the signal comes when the threads have started, before the call begins.
"""

from __future__ import annotations

import os
import signal
import sys

import bcrypt_batch
from tests.programs.process import end_child, wait_for_child

children: list[int] = []


def handler(*_: object) -> None:
    children.append(os.fork())


signal.signal(signal.SIGALRM, handler)
checker = bcrypt_batch.Checker(workers=2)
if sys.argv[1:] == ["early"]:
    start = bcrypt_batch.Checker._start

    def start_and_fork(self: bcrypt_batch.Checker) -> None:
        start(self)
        if not children:
            signal.raise_signal(signal.SIGALRM)

    bcrypt_batch.Checker._start = start_and_fork  # type: ignore[method-assign]
else:
    signal.setitimer(signal.ITIMER_REAL, 0.05)
hashed = checker.hash(b"pw", cost=12)
while not children:
    pass
assert bcrypt_batch.checkpw(b"pw", hashed)
checker.close()
if not children[0]:
    end_child()
wait_for_child(children[0])
