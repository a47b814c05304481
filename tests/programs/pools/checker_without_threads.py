from __future__ import annotations

import bcrypt_batch
from tests.programs.pools import shortage as shortage

checker = bcrypt_batch.Checker(workers=6)
try:
    checker.hash(b"pw", cost=4)
except RuntimeError as error:
    print(error)
