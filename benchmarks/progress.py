"""Say how far a run is, on stderr."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm

QUIET_S = 10.0  # between the lines of a run that no terminal shows


def bar(total: int | None = None) -> tqdm[Any]:
    """Return a progress bar, as a context manager that takes it away in the end."""
    terminal = sys.stderr.isatty()
    quiet_s = 0.1 if terminal else QUIET_S
    return tqdm(total=total, leave=False, mininterval=quiet_s, delay=0 if terminal else quiet_s)


def about(progress: tqdm[Any], what: str) -> None:
    """Say what comes next: at once on a terminal."""
    progress.set_postfix_str(what, refresh=sys.stderr.isatty())
