from __future__ import annotations

import warnings

import bcrypt_batch
from tests.programs.pools import shortage as shortage

with warnings.catch_warnings():
    warnings.simplefilter("error")
    try:
        bcrypt_batch.hash_many([b"pw"] * 8, cost=4, workers=6)
    except RuntimeWarning as warning:
        assert all(warning.batch_result.values)  # type: ignore[attr-defined]
    else:
        raise SystemExit("no warning")
