from __future__ import annotations

import bcrypt_batch
from tests.programs.process import use_smallest_stacks

use_smallest_stacks()
result = bcrypt_batch.hash_many([b"pw"] * 20, cost=4, workers=3)
assert result.complete
assert result.stats.workers == 3
