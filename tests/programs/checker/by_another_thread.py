"""Send an exception into a thread that waits for its answer."""

from __future__ import annotations

import ctypes
import threading
import time

import bcrypt_batch

seen: list[int] = []


class TooLate(Exception):
    pass


def call() -> None:
    try:
        checker.hash(b"pw", cost=16)
    except TooLate:
        seen.append(checker.stats().cancelled)


with bcrypt_batch.Checker(workers=2) as checker:
    thread = threading.Thread(target=call)
    thread.start()
    while not checker.stats().in_flight:
        time.sleep(0.001)
    send = ctypes.pythonapi.PyThreadState_SetAsyncExc
    send(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(TooLate))
    thread.join(60)
    assert seen == [1]
