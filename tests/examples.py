"""The number of examples for a property."""

from __future__ import annotations

import os


def examples(count: int) -> int:
    """Return `count` times EXAMPLES: `make fuzz` has time for more, `make valgrind` for fewer."""
    return max(1, round(count * float(os.environ.get("EXAMPLES", "1"))))
