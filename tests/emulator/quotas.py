"""Say which tests need CPU quotas, and skip them with the reason where there are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator import quota
from emulator.problem import Problem


def _missing() -> str:
    try:
        with quota.Quota(1536):
            return ""
    except Problem as problem:
        return str(problem)


MISSING = _missing()
needs_quota = pytest.mark.skipif(bool(MISSING), reason=MISSING)


def groups() -> set[Path]:
    """Return the cgroups that quotas have made, of either version."""
    return {*quota.CGROUPS.glob("cpu/bcrypt-batch-*"), *quota.CGROUPS.glob("bcrypt-batch-*")}
