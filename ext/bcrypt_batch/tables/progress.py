"""Show progress on standard error: a bar on a terminal, elsewhere a line every few seconds."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import Any

from .messages import show

EVERY_S = 5.0


class Progress:
    """A display of progress; this base class shows nothing."""

    def at(self, rows: float, offset: float) -> None:
        """Show that so many rows and so many bytes of the input are done."""

    def close(self) -> None:
        """End the display."""


class Text(Progress):
    """A line every few seconds.

    Attributes:
        total: The input's size in bytes, or None for a pipe.
        hint: A text at the end of the first line.
    """

    def __init__(self, total: int | None, rows: int, offset: int, hint: str = "") -> None:
        self.total = total
        self.hint = hint
        self._first_rows, self._first_offset = rows, offset
        self._started = self._told = time.monotonic()

    def at(self, rows: float, offset: float) -> None:
        now = time.monotonic()
        if now - self._told < EVERY_S:
            return
        self._told = now
        show(self.line(rows, offset, now - self._started) + self.hint)
        self.hint = ""

    def line(self, rows: float, offset: float, seconds: float) -> str:
        """Return the line to show after so many seconds."""
        rate = (rows - self._first_rows) / seconds
        text = f"{rows:,.0f} rows, {shown_rate(rate)}"
        done = offset - self._first_offset
        if self.total and done > 0:
            left = (self.total - offset) / done * seconds
            text += f", {offset / self.total:.0%}, {shown_time(left)} left"
        return text


class Bar(Progress):
    """tqdm's bar, over the bytes of the input, with the rate in rows."""

    def __init__(self, tqdm: Any, total: int | None, rows: int, offset: int) -> None:
        form = "{percentage:3.0f}%|{bar}| {desc} [{elapsed}<{remaining}]"
        self._bar = tqdm(
            total=total,
            initial=offset,
            bar_format=form if total else "{desc} [{elapsed}]",
            dynamic_ncols=True,
            smoothing=0.05,
            file=sys.stderr,
        )
        self._first_rows = rows
        self._started = time.monotonic()

    def at(self, rows: float, offset: float) -> None:
        rate = (rows - self._first_rows) / max(time.monotonic() - self._started, 1e-6)
        self._bar.set_description_str(f"{rows:,.0f} rows, {shown_rate(rate)}", refresh=False)
        with suppress(OSError):  # the terminal may be closed
            self._bar.update(offset - self._bar.n)

    def close(self) -> None:
        with suppress(OSError):
            self._bar.refresh()
            self._bar.close()


def progress(total: int | None, rows: int, offset: int, quiet: bool = False) -> Progress:
    """Return the best display; `rows` and `offset` are where the work begins."""
    if quiet or sys.stderr is None:  # None if closed
        return Progress()
    if sys.stderr.isatty():
        try:
            from tqdm import tqdm
        except ImportError:
            return Text(total, rows, offset, "; pip install 'bcrypt-batch[cli]' shows a bar")
        else:
            return Bar(tqdm, total, rows, offset)
    return Text(total, rows, offset)


def shown_rate(rate: float) -> str:
    return f"{rate:,.0f} rows/s" if rate >= 10 else f"{rate:.2g} rows/s"


def shown_time(seconds: float) -> str:
    """Return a duration in units for people."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"
