"""Show the progress of a run, on stderr."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm

QUIET_S = 10.0  # between two lines, if stderr isn't a terminal


def bar(total: int | None = None) -> tqdm[Any]:
    """Return a progress bar, as a context manager that removes it at the end."""
    terminal = sys.stderr.isatty()
    quiet_s = 0.1 if terminal else QUIET_S
    return tqdm(total=total, leave=False, mininterval=quiet_s, delay=0 if terminal else quiet_s)


def about(progress: tqdm[Any], what: str) -> None:
    """Name the next step: at once on a terminal."""
    progress.set_postfix_str(what, refresh=sys.stderr.isatty())
