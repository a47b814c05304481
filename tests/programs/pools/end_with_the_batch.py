from __future__ import annotations

import os

from bcrypt_batch import hash_many
from tests.programs.pools.tasks import tasks

for workers in (2, 3, 8):
    result = hash_many([b"pw"] * 40, cost=4, workers=workers)
    assert result.complete
    assert tasks() == [os.getpid()], tasks()
