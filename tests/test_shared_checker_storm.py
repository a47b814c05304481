"""Calls of 16 processes beside servers and clients that are killed, stopped and replaced at random.

SHARED_CALLS sets their number; the default is small.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.examples import thorough
from tests.processes import check_program

CALLS = int(os.environ.get("SHARED_CALLS", "800"))


@thorough
def test_each_call_ends_once(tmp_path: Path) -> None:
    output = check_program("shared/storm", tmp_path, CALLS, PYTHONWARNINGS="ignore")
    print(output)
    for kind in ("answered", "late", "cancelled", "computed here", "forks", "interrupts"):
        assert f"'{kind}'" in output
