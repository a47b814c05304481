"""Compute a table from file to file: read, compute, write, and stop at any time."""

from __future__ import annotations

import time
from bisect import bisect_right
from contextlib import suppress
from itertools import islice
from typing import Any

from .compute import Job, Outcome, Pace, compute
from .failures import Failures
from .interrupts import Interrupts
from .output import Output, WriteFailed, WriteStopped
from .progress import Progress, progress
from .results import Counts, count, csv_header, csv_lines, json_lines
from .source import Source, Table

# Long enough that idle threads at a stretch's end don't matter, short enough that a killed process
# loses little.
STRETCH_S = 4.0


class TableRun:
    """One run over a table.

    Attributes:
        counts: Counts of all lines in the output.
        before: How many of these lines earlier runs wrote.
        unread: How many lines this run skipped, in unreadable rows of several lines.
        complete: Whether there is a line for every row of the input.
        seconds: How long the run took.
    """

    def __init__(
        self,
        job: Job,
        source: Source,
        output: Output,
        failures: Failures,
        interrupts: Interrupts,
        pepper: bytes | None = None,
    ) -> None:
        self.job = job
        self._pepper = pepper
        self.keep = source.reading.columns.keep
        self.output = output
        self.counts: Counts = output.counts
        self.before = self.counts.rows
        self.failures = failures
        self.unread = 0
        self.interrupts = interrupts
        self.complete = False
        self.seconds = 0.0

    def table(self, table: Table, quiet: bool = False) -> None:
        """Compute the rows that have no line in the output yet."""
        pace = Pace(self.job, STRETCH_S)
        started = time.monotonic()
        with suppress(KeyboardInterrupt):
            try:
                if self.output.form == "csv" and self.output.empty:
                    with self.interrupts.deferred():
                        self.output.write(csv_header(self.job.operation, self.keep))
                skipped = sum(1 for _ in islice(table.rows, self.before))
                if skipped < self.before:
                    raise ValueError("the output has more lines than the input has rows")
                self.complete = self._stretches(pace, table, quiet)
            finally:
                self.interrupts.over = True
        self.seconds = time.monotonic() - started

    def _stretches(self, pace: Pace, table: Table, quiet: bool) -> bool:
        shown: Progress | None = None
        try:
            for rows in pace.stretches(table.rows):
                if shown is None:
                    shown = progress(table.size, self.counts.rows, rows[0].start, quiet)
                with self.interrupts.deferred():
                    whole = self._stretch(pace, rows, shown)
                if not whole or self.interrupts.stopped:
                    # The stop may have come after the last row.
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
        done = compute(self.job, rows, self.interrupts.remaining(), tick, self._pepper)
        if done.complete:
            pace.took(time.monotonic() - began, done.lanes)
        self._write(done.outcomes)
        return done.complete

    def _write(self, outcomes: list[Outcome]) -> None:
        try:
            self.output.write(self._lines(outcomes))
        except (WriteFailed, WriteStopped) as error:
            ends = range(1, len(outcomes) + 1)
            whole = bisect_right(ends, error.size, key=lambda end: len(self._lines(outcomes[:end])))
            self._count(outcomes[:whole])
            raise
        self._count(outcomes)

    def _lines(self, outcomes: list[Outcome]) -> bytes:
        if self.output.form == "csv":
            return csv_lines(outcomes, self.counts.rows, self.keep, self.job.operation)
        return json_lines(outcomes, self.counts.rows, self.keep)

    def _count(self, outcomes: list[Outcome]) -> None:
        for number, outcome in enumerate(outcomes, self.counts.rows):
            if outcome.error:
                self.failures.add(number, outcome.row.id, outcome.error)
        self.counts = self.counts.plus(count(outcomes))
        self.unread += sum(outcome.row.lines for outcome in outcomes if outcome.row.lines > 1)
