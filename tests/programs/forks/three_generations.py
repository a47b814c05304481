from __future__ import annotations

import os
import sys

import bcrypt_batch
from tests.programs.forks.hashing import check_child, expected, hashes
from tests.programs.process import end_child, wait_for_child

for generation in range(3):
    if pid := os.fork():
        wait_for_child(pid)
        assert hashes() == expected
        if generation:
            end_child()
        sys.exit()
    check_child()
    bcrypt_batch.start_workers(2)
end_child()
