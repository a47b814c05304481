"""What the command line says on standard error."""

from __future__ import annotations

import sys

PROGRAM = "bcrypt-batch"


def say(text: str) -> None:
    """Say it, unless standard error is closed: print() would put it among the results then."""
    if sys.stderr is not None:
        print(f"{PROGRAM}: {text}", file=sys.stderr, flush=True)
