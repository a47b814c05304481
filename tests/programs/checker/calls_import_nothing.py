"""The modules of the package that a checker's first calls import: a line with their names."""

from __future__ import annotations

import asyncio
import sys

import bcrypt_batch

hashed = bcrypt_batch.hashpw(b"pw", bcrypt_batch.gensalt(4))
with bcrypt_batch.Checker(workers=1) as checker:
    before = {*sys.modules}
    assert checker.check(b"pw", hashed)
    assert asyncio.run(checker.check_async(b"pw", hashed, timeout=60))
print(*[name for name in sys.modules.keys() - before if name.startswith("bcrypt_batch")])
