from __future__ import annotations

import os
import signal
import sys
import threading
import time

from tests.programs.forks.hashing import check_child, hashes
from tests.programs.process import end_child, wait_for_child

stop = threading.Event()


def compute() -> None:
    while not stop.is_set():
        hashes()


threads = [threading.Thread(target=compute) for _ in range(3)]
for thread in threads:
    thread.start()
try:
    for i in range(int(sys.argv[2])):
        time.sleep(i % 10 * 0.0003)
        if not (pid := os.fork()):
            signal.alarm(30)
            check_child()
            end_child()
        wait_for_child(pid)
finally:
    stop.set()
    for thread in threads:
        thread.join()
