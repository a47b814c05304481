"""How much the tests try."""

from __future__ import annotations

import os

import pytest

# Set if there is time for tests that take seconds and add little to the others.
THOROUGH = bool(os.environ.get("CI"))
thorough = pytest.mark.skipif(not THOROUGH, reason="takes seconds: CI=1 runs it")


def examples(count: int) -> int:
    """Return `count` times EXAMPLES: `make fuzz` has time for more, `make test` for fewer."""
    factor = float(os.environ.get("EXAMPLES", "1" if THOROUGH else "0.3"))
    return max(1, round(count * factor))
