"""Send an exception into a thread whose batch would take minutes; the argument is its workers."""

from __future__ import annotations

import ctypes
import sys
import threading
import time

import bcrypt_batch
from bcrypt_batch import BatchResult

seen: list[BatchResult[bytes]] = []


class TooLate(Exception):
    batch_result: BatchResult[bytes]


def call() -> None:
    try:
        bcrypt_batch.hash_many([b"pw"] * 20, cost=18, workers=int(sys.argv[1]))
    except TooLate as late:
        seen.append(late.batch_result)


thread = threading.Thread(target=call)
thread.start()
time.sleep(0.2)
send = ctypes.pythonapi.PyThreadState_SetAsyncExc
send(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(TooLate))
thread.join(30)
assert not thread.is_alive()
assert len(seen[0].unprocessed) == 20
