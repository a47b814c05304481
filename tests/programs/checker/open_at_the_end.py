"""End the interpreter with an open checker; "busy" is in the middle of calls of daemon threads.

"outliving" is freed after the names of its own module are gone: the module os goes later.
"""

from __future__ import annotations

import os
import sys
import threading
import time

import bcrypt_batch
from bcrypt_batch import checker as checker_module

checker = bcrypt_batch.Checker(workers=2)
checker.hash(b"pw", cost=4)
if sys.argv[1] == "busy":
    for _ in range(4):
        threading.Thread(
            target=checker.hash, args=(b"pw",), kwargs={"cost": 16}, daemon=True
        ).start()
    time.sleep(0.1)
elif sys.argv[1] == "outliving":
    vars(os)["kept"] = checker, checker_module
print("end")
