from __future__ import annotations

import ctypes
import os

from tests.programs.forks.hashing import check_child, expected, hashes
from tests.programs.process import end_child, wait_for_child

os.register_at_fork(after_in_child=lambda: os._exit(1))
fork = ctypes.PyDLL(None).fork
for _ in range(3):
    if not (pid := fork()):
        check_child()
        end_child()
    wait_for_child(pid)
    assert hashes() == expected
