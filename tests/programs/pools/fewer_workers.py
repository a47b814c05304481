from __future__ import annotations

import os
import sys
import warnings

import bcrypt_batch
from tests.programs.pools import shortage as shortage

passwords = [b"%d" % i for i in range(40)]
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    if sys.argv[2:] == ["start"]:
        print(bcrypt_batch.start_workers(6), end=" ")
    result = bcrypt_batch.hash_many(passwords, cost=4, workers=6)
assert result.complete
assert all(bcrypt_batch.checkpw(p, h or b"") for p, h in zip(passwords, result.values, strict=True))
assert {os.path.basename(warning.filename) for warning in caught} == {os.path.basename(__file__)}
messages = [str(warning.message) for warning in caught if warning.category is RuntimeWarning]
print(result.stats.workers, len(messages), messages[0])
