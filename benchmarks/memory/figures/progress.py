"""Say how far a run is, on stderr: one line rewritten on a terminal, a line now and then else."""

from __future__ import annotations

import sys
import time

QUIET_S = 10.0


class Progress:
    """How much of a known amount is done, as a context manager."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._started = time.monotonic()
        self._said = self._started
        self._terminal = sys.stderr.isatty()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def about(self, what: str) -> None:
        """Say what comes next."""
        line = f"{self._done}/{self._total} {what}{self._remaining()}"
        if self._terminal:
            print(f"\r\x1b[K{line[:100]}", end="", file=sys.stderr, flush=True)
        elif time.monotonic() - self._said > QUIET_S:
            print(line, file=sys.stderr, flush=True)
            self._said = time.monotonic()

    def step(self) -> None:
        """Count one as done."""
        self._done = min(self._done + 1, self._total)

    def note(self, text: str) -> None:
        """Say something that is to stay."""
        start = "\r\x1b[K" if self._terminal else ""
        print(start + text, file=sys.stderr, flush=True)

    def _remaining(self) -> str:
        if not self._done:
            return ""
        each_s = (time.monotonic() - self._started) / self._done
        return f", about {each_s * (self._total - self._done):.0f} s left"
