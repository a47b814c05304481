"""Calls of threads and coroutines with cancellations, timeouts, interrupts and forks at random.

CHECKER_CALLS sets their number; a thousand by default, and three where CI is set.
"""

from __future__ import annotations

import os

from tests.examples import THOROUGH
from tests.processes import check_program, skip_beside_emulators_threads

CALLS = int(os.environ.get("CHECKER_CALLS", "3000" if THOROUGH else "1000"))


def test_each_call_ends_once_beside_forks() -> None:
    skip_beside_emulators_threads("qemu's does not bear such forks")
    output = check_program("checker/storm", CALLS, "forks", PYTHONWARNINGS="ignore")
    print(output)
    for kind in ("answered", "late", "cancelled", "refused", "interrupts", "forks"):
        assert f"'{kind}'" in output


def test_each_call_ends_once() -> None:
    """Without forks, so that ThreadSanitizer can run it."""
    print(check_program("checker/storm", min(CALLS, 3000)))
