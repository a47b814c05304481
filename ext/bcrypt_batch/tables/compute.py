"""Hash or check a stretch of rows, and cut a table into stretches of a few seconds' work."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import bcrypt_batch
from bcrypt_batch.batch import hash_or_verify
from bcrypt_batch.limits import DEFAULT_COST, DEFAULT_MAX_COST, DEFAULT_PREFIX
from bcrypt_batch.schemes import digest_key, looks_like_hash, work

from .kinds import InvalidTable
from .rows import LOOKS_LIKE_HASH, NO_DIGEST, Row

# Fields of Job that only one operation uses.
ONLY_FOR = {"hash": ("cost", "prefix", "wrap", "hash_anyway"), "verify": ("max_cost",)}
OPERATIONS = tuple(ONLY_FOR)

MAX_STRETCH_ROWS = 50_000
MAX_STRETCH_BYTES = 4 << 20
FIRST_STRETCH_S = 0.3  # length of the first stretch, estimated with the guess below
_GUESSED_S = 1.2e-5  # cautious guess of a core's time for an iteration of the key schedule


class Job(NamedTuple):
    """What to do with each row.

    Attributes:
        operation: `hash` or `verify`.
        cost: The cost to hash with.
        prefix: The prefix to hash with.
        scheme: The scheme to hash with; when verifying, the scheme of hashes without a mark. None
            for plain bcrypt.
        wrap: The scheme of the digests in the password column; None if the column has passwords.
        truncate: Cut passwords to 72 bytes; None for the operation's default: an error when
            hashing, cut when verifying.
        allow_empty: Treat an empty password as a password, not as a missing one.
        max_cost: A hash of a higher cost is an error of its row.
        workers: How many threads; None for `worker_count()`.
        hash_anyway: Hash passwords that look like hashes, which are otherwise errors of their rows.
    """

    operation: str = "hash"
    cost: int = DEFAULT_COST
    prefix: str = DEFAULT_PREFIX.decode()
    scheme: str | None = None
    wrap: str | None = None
    truncate: bool | None = None
    allow_empty: bool = False
    max_cost: int = DEFAULT_MAX_COST
    workers: int | None = None
    hash_anyway: bool = False

    def check(self, rows: list[Row]) -> None:
        """Refuse a table whose first rows have hashes for passwords, unless `hash_anyway` is set.

        Raises:
            InvalidTable: Rows have hashes; the message has the first such row's number, no value.
        """
        if self.operation != "hash" or self.hash_anyway:
            return
        found = [i for i, row in enumerate(rows) if row.password and looks_like_hash(row.password)]
        if found:
            raise InvalidTable(
                f"the password column has hashes already: {len(found):,} in the first "
                f"{len(rows):,} rows, the first in row {found[0]}. verify checks passwords against "
                "hashes; --password-column names another column; --hash-anyway hashes them once "
                "more"
            )

    def as_options(self) -> dict[str, Any]:
        """Return all fields on which the results depend, that is all except `workers`."""
        return {name: value for name, value in self._asdict().items() if name != "workers"}

    @property
    def expected(self) -> tuple[str, ...]:
        """The notes to leave out: verifying hashes no passwords, and `wrap` expects digests."""
        if self.operation == "verify":
            return "hashes", "digests"
        return ("digests",) if self.wrap else ()

    def weigh(self, row: Row) -> int:
        """Return how many iterations a row takes; the row's time is proportional to that number."""
        if row.error or not (row.password or self.allow_empty):
            return 0
        if self.operation == "hash":
            return 1 << self.cost
        return work(row.hash, self.scheme, self.max_cost)


class Outcome(NamedTuple):
    """The outcome of a row.

    Attributes:
        row: The row.
        value: When hashing, the hash as text; when verifying, whether the password matches. None
            if there is an error.
        error: A code, or None.
        truncated: Whether the value was computed from a password cut to 72 bytes.
        scheme: When verifying, the scheme of the hash, even if it isn't bcrypt; None if unknown.
    """

    row: Row
    value: str | bool | None
    error: str | None
    truncated: bool = False
    scheme: str | None = None


class Stretch(NamedTuple):
    """The outcomes of a stretch of rows.

    Attributes:
        outcomes: In the order of the rows, up to the first row that was not done.
        complete: Whether all rows were done.
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
    pepper: bytes | None = None,
) -> Stretch:
    """Hash or check rows.

    `deadline` and `progress` are as for `bcrypt_batch.hash_many`, `pepper` as for `verify_many`.
    """
    verifying = job.operation == "verify"
    result = hash_or_verify(
        [_password(job, row) for row in rows],
        [row.hash or None for row in rows] if verifying else None,
        cost=job.cost,
        prefix=job.prefix.encode(),
        max_cost=job.max_cost,
        pepper=pepper,
        scheme=job.scheme,
        truncate=verifying if job.truncate is None else job.truncate,
        workers=job.workers,
        deadline=deadline,
        progress=progress,
    )
    done = result.unprocessed[0] if result.unprocessed else len(rows)
    cut = set(result.truncated)
    outcomes = [
        Outcome(
            row,
            value.decode() if isinstance(value, bytes) else value,
            result.errors[i].code if i in result.errors else None,
            i in cut,
            result.schemes[i] if result.schemes else None,
        )
        for i, (row, value) in enumerate(zip(rows[:done], result.values, strict=False))
    ]
    return Stretch(outcomes, result.complete, result.stats.lanes)


def _password(job: Job, row: Row) -> bytes | bcrypt_batch.ItemError | None:
    if row.error:
        return bcrypt_batch.ItemError(row.error, "the row can't be read")
    if job.operation == "hash" and not job.hash_anyway and looks_like_hash(row.password or b""):
        return bcrypt_batch.ItemError(LOOKS_LIKE_HASH, "the password looks like a hash already")
    # The hash of an empty password would let anyone sign in. Users without a password sign in by
    # other means, such as another site's account.
    if not (row.password or job.allow_empty):
        return None
    if job.wrap is None or row.password is None:
        return row.password
    key = digest_key(row.password, job.wrap)
    if key is None:
        return bcrypt_batch.ItemError(NO_DIGEST, f"the row has no digest of {job.wrap}")
    return key


def _size(value: Any) -> int:
    """Return roughly how many characters a value has."""
    if isinstance(value, str):
        return len(value)
    return len(json.dumps(value)) if isinstance(value, (list, dict)) else 8


class Pace:
    """Cuts rows into stretches of about `seconds`, by the time that earlier stretches took.

    Long stretches lose less time at their ends, where some threads have no group left. The results
    of short stretches are on disk sooner.

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
        """Yield the rows in stretches; the caller reports the time of each with `took`."""
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
        """Learn from the time of the last stretch."""
        if self._weight and lanes:
            self._per_iteration = seconds / self._weight
            self._step = self.workers * lanes
            self._measured = True


def measure(job: Job, seconds: float = 2.0) -> tuple[float, int]:
    """Return how many made-up passwords a second this machine hashes for a job, and the lanes.

    If the job's cost would take longer than `seconds`, a lower cost is measured and scaled.
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
