"""Load the libgomp whose path is the argument; then hash with room for two large stacks."""

from __future__ import annotations

import ctypes
import resource
import sys
import warnings

ctypes.CDLL(sys.argv[1], mode=ctypes.RTLD_GLOBAL)

import bcrypt_batch  # noqa: E402
from tests.programs.process import mapped_bytes  # noqa: E402

resource.setrlimit(resource.RLIMIT_AS, (mapped_bytes() + (3 << 30),) * 2)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    result = bcrypt_batch.hash_many([b"pw"] * 20, cost=4, workers=6)
assert result.complete
print(result.stats.workers, len(caught))
