"""Hash or check a stretch of rows, and cut a table into stretches of a few seconds' work."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import bcrypt_batch
from bcrypt_batch.batch import hash_or_verify
from bcrypt_batch.limits import DEFAULT_COST, DEFAULT_MAX_COST, DEFAULT_PREFIX, iterations

from .rows import Row

ONLY_FOR = {"hash": ("cost", "prefix"), "verify": ("max_cost",)}  # which fields of a Job
OPERATIONS = tuple(ONLY_FOR)

MAX_STRETCH_ROWS = 50_000
MAX_STRETCH_BYTES = 4 << 20
FIRST_STRETCH_S = 0.3  # before anything was measured; by the guess that follows
_GUESSED_S = 1.2e-5  # of one core's time for an iteration of the key schedule, cautiously


class Job(NamedTuple):
    """What is to be done with each row.

    Attributes:
        operation: `hash` or `verify`.
        cost: The cost to hash with.
        prefix: The prefix to hash with.
        truncate: Cut passwords to 72 bytes; None for the operation's own way: an error when
            hashing, cut when verifying.
        allow_empty: Take an empty password for a password instead of for a missing one.
        max_cost: A hash of a higher cost is an error of its row.
        workers: How many threads; None for as many as there should be.
    """

    operation: str = "hash"
    cost: int = DEFAULT_COST
    prefix: str = DEFAULT_PREFIX.decode()
    truncate: bool | None = None
    allow_empty: bool = False
    max_cost: int = DEFAULT_MAX_COST
    workers: int | None = None

    def weigh(self, row: Row) -> int:
        """Return how many iterations a row takes: what its time is proportional to."""
        if row.error or not (row.password or self.allow_empty):
            return 0
        if self.operation == "hash":
            return 1 << self.cost
        return iterations(row.hash, self.max_cost)


class Outcome(NamedTuple):
    """What came of a row.

    Attributes:
        row: The row.
        value: The hash as text when hashing, whether it matches when verifying; None with an error.
        error: A code, or None.
    """

    row: Row
    value: str | bool | None
    error: str | None


class Stretch(NamedTuple):
    """What came of a stretch of rows.

    Attributes:
        outcomes: Of its rows in order, up to the first that was not done.
        complete: Whether that is all of them.
        lanes: The most items that a thread computed together.
    """

    outcomes: list[Outcome]
    complete: bool
    lanes: int


def compute(
    job: Job,
    rows: list[Row],
    deadline: float | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Stretch:
    """Hash or check rows; `deadline` and `progress` are those of `bcrypt_batch.hash_many`."""
    verifying = job.operation == "verify"
    result = hash_or_verify(
        [_password(job, row) for row in rows],
        [row.hash or None for row in rows] if verifying else None,
        cost=job.cost,
        prefix=job.prefix.encode(),
        max_cost=job.max_cost,
        truncate=verifying if job.truncate is None else job.truncate,
        workers=job.workers,
        deadline=deadline,
        progress=progress,
    )
    done = result.unprocessed[0] if result.unprocessed else len(rows)
    outcomes = [
        Outcome(
            row,
            value.decode() if isinstance(value, bytes) else value,
            result.errors[i].code if i in result.errors else None,
        )
        for i, (row, value) in enumerate(zip(rows[:done], result.values, strict=False))
    ]
    return Stretch(outcomes, result.complete, result.stats.lanes)


def _password(job: Job, row: Row) -> bytes | bcrypt_batch.ItemError | None:
    if row.error:
        return bcrypt_batch.ItemError(row.error, "the row can't be read")
    # Hashing an empty password would let anyone in with nothing, and such users sign in elsewhere.
    return row.password if row.password or job.allow_empty else None


def _size(value: Any) -> int:
    """Return about how much text a value is."""
    if isinstance(value, str):
        return len(value)
    return len(json.dumps(value)) if isinstance(value, (list, dict)) else 8


class Pace:
    """Cuts rows into stretches of about so many seconds, by the time that earlier ones took.

    Longer stretches lose less at their ends, where some threads have no group left; shorter ones
    are sooner on disk.

    Attributes:
        workers: How many threads compute.
        seconds: How long a stretch should take.
    """

    def __init__(self, job: Job, seconds: float) -> None:
        self.job = job
        self.workers = job.workers or bcrypt_batch.worker_count()
        self.seconds = seconds
        self._per_iteration = _GUESSED_S / self.workers
        self._measured = False
        self._weight = 0  # of the last stretch
        self._step = self.workers  # rows that keep all threads busy, once the lanes are known

    def stretches(self, rows: Iterator[Row]) -> Iterator[list[Row]]:
        """Yield the rows in stretches; say what each took with `took`."""
        stretch: list[Row] = []
        weight = size = 0
        for row in rows:
            stretch.append(row)
            weight += self.job.weigh(row)
            size += len(row.password or b"") + len(row.hash or b"") + _size(row.id)
            if row.kept:
                size += sum(map(_size, row.kept))
            seconds = self.seconds if self._measured else FIRST_STRETCH_S
            enough = weight * self._per_iteration >= seconds and not len(stretch) % self._step
            if enough or len(stretch) >= MAX_STRETCH_ROWS or size >= MAX_STRETCH_BYTES:
                self._weight = weight
                yield stretch
                stretch = []
                weight = size = 0
        if stretch:
            self._weight = weight
            yield stretch

    def took(self, seconds: float, lanes: int) -> None:
        """Learn from the last stretch, which was computed."""
        if self._weight and lanes:
            self._per_iteration = seconds / self._weight
            self._step = self.workers * lanes
            self._measured = True


def measure(job: Job, seconds: float = 2.0) -> tuple[float, int]:
    """Return how many made-up passwords a second this machine hashes for a job, and the lanes.

    A lower cost is measured and the time scaled where the job's own would take longer than that.
    """
    cost = min(job.cost, 8)
    workers = job.workers or bcrypt_batch.worker_count()
    rate, lanes = _rate(workers * 8, cost, workers)
    while cost < job.cost and workers * lanes / rate * 2 < seconds:
        cost += 1
        rate /= 2
    count = max(1, int(rate * seconds / (workers * lanes))) * workers * lanes
    rate, lanes = _rate(count, cost, workers)
    return rate / (1 << (job.cost - cost)), lanes


def _rate(count: int, cost: int, workers: int) -> tuple[float, int]:
    started = time.perf_counter()
    made = bcrypt_batch.hash_many(
        [b"password_%06d" % i for i in range(count)], cost=cost, workers=workers
    )
    return count / (time.perf_counter() - started), made.stats.lanes
