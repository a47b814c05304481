"""Skip tests that need CPU quotas, with the reason, if quotas don't work here."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from emulator import quota
from emulator.problem import Problem


@cache
def _missing() -> str:
    try:
        with quota.Quota(1536):
            return ""
    except Problem as problem:
        return str(problem)


@pytest.fixture(scope="session")
def quotas() -> None:
    """Request this before costly fixtures; evaluated when a test runs, not at collection."""
    if reason := _missing():
        pytest.skip(reason)


needs_quota = pytest.mark.usefixtures("quotas")


def groups_of(parent: int) -> list[Path]:
    """Return the quotas' cgroups, of either version, in which a process has put its children."""
    made = [*quota.CGROUPS.glob("cpu/bcrypt-batch-*"), *quota.CGROUPS.glob("bcrypt-batch-*")]
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [group for group in made if set(children) & set(_processes(group))]


def _processes(group: Path) -> list[str]:
    try:
        return (group / "cgroup.procs").read_text().split()
    except OSError:  # another run has just ended it
        return []
