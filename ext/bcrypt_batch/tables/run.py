"""A table from file to file: read, compute, write, and be stopped at any time."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from types import FrameType
from typing import Any, NamedTuple

from bcrypt_batch.checks import MAX_SECONDS

from .compute import Job, Outcome, Pace, Stretch, compute
from .files import Source, Table
from .lines import Counts, count, csv_header, csv_lines, json_lines
from .output import Output
from .progress import Progress, progress

# Long enough that what the threads lose at a stretch's end doesn't show, short enough that a
# killed process has lost little.
STRETCH_S = 4.0
ALARM_S = 0.5  # until what was only noted comes again


class Finished(NamedTuple):
    """How a run ended.

    Attributes:
        counts: Of all lines that are in the output now.
        here: How many of these rows this run computed.
        codes: The codes of this run's errors, and how often each.
        unread: How many lines this run left out, in rows of several lines that can't be read.
        complete: Whether there is a line for every row of the input.
        signal: The signal that ended it, or None.
        seconds: How long it took.
    """

    counts: Counts
    here: int
    codes: Counter[str]
    unread: int
    complete: bool
    signal: int | None
    seconds: float


class Interrupts:
    """Ctrl-C, SIGTERM and a deadline: noted while a stretch is computed and written, else raised.

    While reading they are a KeyboardInterrupt: a pipe may stay silent.

    Attributes:
        signal: Which of the two came, or None.
    """

    def __init__(self, deadline: float | None) -> None:
        self.signal: int | None = None
        self.over = False  # there is nothing left to interrupt
        self._deferred = False
        self._deadline = None if deadline is None else time.monotonic() + deadline

    def remaining(self) -> float | None:
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def _came(self, number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGALRM:
            self.signal = number
        if self.over:
            return
        if not self._deferred:
            raise KeyboardInterrupt
        signal.setitimer(signal.ITIMER_REAL, ALARM_S)  # lest the next row be waited for

    @contextmanager
    def raised(self) -> Iterator[None]:
        """Handle the signals, and the deadline's."""
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
        former = [signal.signal(number, self._came) for number in numbers]
        try:
            remaining = self.remaining()
            if remaining is not None:  # 0 would set no timer
                signal.setitimer(signal.ITIMER_REAL, min(max(remaining, 0.001), MAX_SECONDS))
            yield
        finally:
            self.over = True
            signal.setitimer(signal.ITIMER_REAL, 0)
            for number, handler in zip(numbers, former, strict=True):
                signal.signal(number, handler)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Only note them."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False


class Run:
    """One run over a table.

    Attributes:
        counts: Of all lines that are in the output.
    """

    def __init__(
        self, job: Job, source: Source, output: Output, form: str, interrupts: Interrupts
    ) -> None:
        self.job = job
        self.keep = source.columns.keep
        self.output = output
        self.form = form
        self.started = time.monotonic()
        self.counts = output.counts
        self.codes: Counter[str] = Counter()
        self.unread = 0
        self.interrupts = interrupts
        self.progress: Progress

    def table(self, table: Table, quiet: bool = False) -> Finished:
        """Compute the rows that have no line in the output yet."""
        pace = Pace(self.job, STRETCH_S)
        before = self.counts.rows
        complete = False
        with suppress(KeyboardInterrupt):
            try:
                if self.form == "csv" and self.output.empty:
                    with self.interrupts.deferred():
                        self.output.write(csv_header(self.job.operation, self.keep))
                skipped = sum(1 for _ in islice(table.rows, before))
                if skipped < before:
                    raise ValueError("the output has more lines than the input has rows")
                complete = self._stretches(pace, table, quiet)
            finally:
                self.interrupts.over = True
        seconds = time.monotonic() - self.started
        here = self.counts.rows - before
        return Finished(
            self.counts, here, self.codes, self.unread, complete, self.interrupts.signal, seconds
        )

    def _stretches(self, pace: Pace, table: Table, quiet: bool) -> bool:
        shown: Progress | None = None
        try:
            for rows in pace.stretches(table.rows):
                if shown is None:
                    shown = progress(table.size, self.counts.rows, rows[0].start, quiet)
                with self.interrupts.deferred():
                    whole = self._stretch(pace, rows, shown)
                if not whole or self.interrupts.signal or self.interrupts.remaining() == 0:
                    # The end may have been reached all the same.
                    return whole and next(table.rows, None) is None
            if shown and table.size:
                shown.at(self.counts.rows, table.size)
            return True
        finally:
            if shown:
                shown.close()

    def _stretch(self, pace: Pace, rows: list[Any], shown: Progress) -> bool:
        first, start, width = self.counts.rows, rows[0].start, rows[-1].start - rows[0].start

        def tick(done: int, total: int) -> bool:
            share = done / total if total else 1.0
            shown.at(first + share * len(rows), start + share * width)
            return self.interrupts.signal is None

        began = time.monotonic()
        done = compute(self.job, rows, self.interrupts.remaining(), tick)
        if done.complete:
            pace.took(rows, time.monotonic() - began, done.lanes)
        self._write(done)
        return done.complete

    def _write(self, done: Stretch) -> None:
        outcomes: list[Outcome] = done.outcomes
        write_as = csv_lines if self.form == "csv" else json_lines
        self.output.write(write_as(outcomes, self.counts.rows, self.keep))
        self.counts = self.counts.plus(count(outcomes))
        self.codes.update(outcome.error for outcome in outcomes if outcome.error)
        self.unread += sum(outcome.row.lines for outcome in outcomes if outcome.row.lines > 1)
