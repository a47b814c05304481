from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

from bcrypt_batch import start_workers
from tests.programs.pools.tasks import tasks


def blocked(thread: int) -> set[int]:
    status = Path(f"/proc/self/task/{thread}/status").read_text()
    (mask,) = re.findall(r"^SigBlk:\s*(\w+)", status, re.M)
    return {number for number in range(1, 65) if int(mask, 16) >> number - 1 & 1}


callers = blocked(os.getpid())
start_workers(3)
faults = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}
wanted = faults | {signal.SIGKILL, signal.SIGSTOP}
for thread in tasks()[1:]:
    give_up = time.monotonic() + 10
    # glibc blocks all signals until a new thread has begun.
    while (taken := signal.valid_signals() - blocked(thread)) != wanted:
        assert time.monotonic() < give_up, taken
assert blocked(os.getpid()) == callers == set()
