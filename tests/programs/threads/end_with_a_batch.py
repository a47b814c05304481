"""End the interpreter beside a batch: of "atexit", of a "daemon" thread, of another "thread"."""

from __future__ import annotations

import atexit
import sys
import threading
import time

import bcrypt_batch


def use() -> None:
    assert all(bcrypt_batch.hash_many([b"pw"] * 40, cost=4, workers=3).values)
    print("done", flush=True)


def use_later() -> None:
    time.sleep(0.1)
    use()


def use_without_end() -> None:
    bcrypt_batch.hash_many([b"pw"] * 40, cost=18, workers=3)


match sys.argv[1]:
    case "atexit":
        atexit.register(use)
    case "daemon":
        threading.Thread(target=use_without_end, daemon=True).start()
        time.sleep(0.1)
        print("done")
    case "thread":
        threading.Thread(target=use_later).start()
