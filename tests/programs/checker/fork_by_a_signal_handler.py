"""Fork in a signal handler in the middle of a call: both processes get its answer."""

from __future__ import annotations

import os
import signal

import bcrypt_batch
from tests.programs.process import end_child, wait_for_child

children: list[int] = []


def handler(*_: object) -> None:
    children.append(os.fork())


signal.signal(signal.SIGALRM, handler)
checker = bcrypt_batch.Checker(workers=2)
signal.setitimer(signal.ITIMER_REAL, 0.05)
hashed = checker.hash(b"pw", cost=12)
while not children:
    pass
assert bcrypt_batch.checkpw(b"pw", hashed)
checker.close()
if not children[0]:
    end_child()
wait_for_child(children[0])
