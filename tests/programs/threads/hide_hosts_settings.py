"""Import and hash; the arguments, NAME=VALUE, are settings that a child must still see."""

from __future__ import annotations

import os
import subprocess
import sys

before = os.sched_getaffinity(0), dict(os.environ)

import bcrypt_batch  # noqa: E402

assert (os.sched_getaffinity(0), dict(os.environ)) == before
result = bcrypt_batch.hash_many([b"pw"] * 40, cost=8, workers=3, lanes=1)
assert result.stats.threads_used == 3, result.stats
assert os.sched_getaffinity(0) == before[0]
seen = subprocess.run(["env"], capture_output=True, text=True, check=True).stdout.splitlines()
assert {*sys.argv[1:]} <= {*seen}, seen
