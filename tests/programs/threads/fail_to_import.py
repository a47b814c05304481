"""Fail to import the extension; print what a child then sees of the host's settings."""

from __future__ import annotations

import subprocess
import sys

sys.modules["bcrypt_batch._native"] = None  # type: ignore[assignment]
try:
    import bcrypt_batch as bcrypt_batch
except ImportError:
    pass
else:
    raise SystemExit("imported")
subprocess.run(["sh", "-c", "echo $OMP_PLACES ${GOMP_SPINCOUNT-unset}"], check=True)
