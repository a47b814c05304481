from __future__ import annotations

import os
import re
import signal
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
for thread in tasks()[1:]:
    assert signal.valid_signals() - blocked(thread) == faults | {signal.SIGKILL, signal.SIGSTOP}
assert blocked(os.getpid()) == callers == set()
