"""End the interpreter with an open checker; "busy" is in the middle of calls of daemon threads."""

from __future__ import annotations

import sys
import threading
import time

import bcrypt_batch

checker = bcrypt_batch.Checker(workers=2)
checker.hash(b"pw", cost=4)
if sys.argv[1] == "busy":
    for _ in range(4):
        threading.Thread(
            target=checker.hash, args=(b"pw",), kwargs={"cost": 16}, daemon=True
        ).start()
    time.sleep(0.1)
print("end")
