"""Be interrupted in a batch that would take minutes, with as many workers as the argument says."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import bcrypt_batch

workers = int(sys.argv[1])
sent = 0.0


def interrupt() -> None:
    global sent
    sent = time.monotonic()
    os.kill(os.getpid(), signal.SIGINT)


threading.Timer(0.3, interrupt).start()
try:
    bcrypt_batch.hash_many([b"pw"] * 20, cost=18, workers=workers)
except KeyboardInterrupt as interruption:
    took_ms = (time.monotonic() - sent) * 1000
    result = interruption.batch_result  # type: ignore[attr-defined]
    print(took_ms, len(result.unprocessed))
assert bcrypt_batch.hash_many([b"pw"] * 4, cost=4, workers=workers).complete
