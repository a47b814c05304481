"""How much the tests try."""

from __future__ import annotations

import os

# Set where time is: cases that take seconds and add little to the others.
THOROUGH = bool(os.environ.get("CI"))


def examples(count: int) -> int:
    """Return `count` times EXAMPLES: `make fuzz` has time for more, `make valgrind` for fewer."""
    return max(1, round(count * float(os.environ.get("EXAMPLES", "1"))))
