"""Use a checker in every other way while held_threads.c delays the threads of its first call."""

from __future__ import annotations

import os
import signal
import threading
import time

import bcrypt_batch
from bcrypt_batch import Checker, CheckerClosed, CheckerTimeout

HASHED = bcrypt_batch.hashpw(b"pw", bcrypt_batch.gensalt(4))

signal.alarm(60)  # ends the process if the first call keeps the interpreter's lock
held, release = os.pipe()
os.environ["HELD_FD"] = str(held)
before = len(os.listdir("/proc/self/task"))
checker = Checker(workers=2)
answers: dict[str, object] = {}


def check(name: str) -> None:
    try:
        answers[name] = checker.check(b"pw", HASHED)
    except CheckerClosed as error:
        answers[name] = type(error)


def in_child() -> None:
    del os.environ["HELD_FD"]
    assert checker.check(b"pw", HASHED)
    checker.close()
    assert len(os.listdir("/proc/self/task")) == 1
    os._exit(7)


threads = [threading.Thread(target=check, args=(name,)) for name in ("first", "second")]
threads.append(threading.Thread(target=checker.close))
threads[0].start()
while not checker._queue.started:
    time.sleep(0.001)
threads[1].start()
while checker.stats().waiting != 1:
    time.sleep(0.001)
if not (pid := os.fork()):
    in_child()
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
threads[2].start()
while True:
    try:
        checker.check(b"pw", HASHED, timeout=0)
    except CheckerTimeout:
        continue
    except CheckerClosed:
        break
assert not answers
os.close(release)
for thread in threads:
    thread.join()
assert answers == {"first": CheckerClosed, "second": True}, answers
while len(os.listdir("/proc/self/task")) > before:  # Python's threads end after join returns
    time.sleep(0.001)
