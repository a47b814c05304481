from __future__ import annotations

import sys

import bcrypt_batch

assert "bcrypt_batch.checker" not in sys.modules
assert "asyncio" not in sys.modules
from bcrypt_batch import Checker as Checker  # noqa: E402

assert "asyncio" not in sys.modules
try:
    print(getattr(bcrypt_batch, "nothing"))  # noqa: B009
except AttributeError as error:
    assert str(error) == "module 'bcrypt_batch' has no attribute 'nothing'"
else:
    raise SystemExit("there is something")
