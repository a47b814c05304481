"""Be interrupted in a call, then in closing while another thread's call goes on."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

import bcrypt_batch

checker = bcrypt_batch.Checker(workers=2)
seen: list[object] = []


def hash_slowly() -> object:
    return checker.hash(b"pw", cost=16)


def hash_until_closed() -> None:
    try:
        seen.append(hash_slowly())
    except bcrypt_batch.CheckerClosed as error:
        seen.append(error)


def interrupt() -> None:
    checker.stats()
    time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGINT)


def interrupted(call: Callable[[], object]) -> None:
    other = threading.Thread(target=interrupt)
    other.start()
    try:
        call()
    except KeyboardInterrupt:
        print("interrupted")
    other.join()


interrupted(hash_slowly)
waiting = threading.Thread(target=hash_until_closed)
waiting.start()
while not checker.stats().in_flight:
    time.sleep(0.001)
interrupted(checker.close)
assert checker.stats().cancelled == 1, checker.stats()
checker.close(wait=False)
waiting.join()
assert isinstance(seen[0], bcrypt_batch.CheckerClosed)
assert not checker.stats().in_flight
