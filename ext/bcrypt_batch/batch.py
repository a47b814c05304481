"""Whole batches: check the arguments, plan groups, compute them, gather what came of each item."""

from __future__ import annotations

import os
import time

from . import _native
from .checks import check_bytes_list, check_range, check_same_length, check_seconds
from .lanes import lane_limit
from .results import BatchResult, BatchStats, ItemError
from .workers import check_workers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeVar

    T = TypeVar("T")
    Progress = Callable[[int, int], object]

MIN_COST = _native.MIN_COST
MAX_COST = _native.MAX_COST
MAX_LANES = _native.MAX_LANES
MAX_PASSWORD_BYTES = _native.MAX_KEY_BYTES
SALT_BYTES = _native.SALT_BYTES
PREFIXES = (b"2a", b"2b", b"2y")  # 2x marks hashes made by a bug; nobody should make more of them

# Verifying costs what the stored hash says. A few seconds for one item is where a mistake or an
# attack becomes likelier than a policy.
DEFAULT_MAX_COST = 16

_TOO_LONG = ItemError(
    "password_too_long",
    f"the password is longer than {MAX_PASSWORD_BYTES} bytes; truncate=True cuts it",
)

SLICE_NS = 50_000_000  # how long the caller's own thread computes between looks at signals


class Kernels:
    """The variants of the computation.

    Attributes:
        compiled: Names of the variants compiled in, best first.
        supported: Those of them that this CPU can run.
        chosen: The one that batches use.
    """

    __slots__ = ("chosen", "compiled", "supported")

    def __init__(self, compiled: list[str], supported: list[str], chosen: str) -> None:
        self.compiled = compiled
        self.supported = supported
        self.chosen = chosen

    def __repr__(self) -> str:
        return f"Kernels(compiled={self.compiled}, chosen={self.chosen!r})"


def kernels() -> Kernels:
    """Return the variants compiled in, and which one this CPU gets."""
    compiled, supported = _native.kernel_names()
    return Kernels(compiled, supported, _native.chosen_kernel())


def hash_many(
    passwords: Iterable[bytes],
    *,
    cost: int = 12,
    prefix: bytes = b"2b",
    salts: Sequence[bytes] | None = None,
    truncate: bool = False,
    workers: int | None = None,
    lanes: int | None = None,
    deadline: float | None = None,
    progress: Progress | None = None,
) -> BatchResult[bytes]:
    """Hash passwords; `values[i]` is the 60-byte hash of `passwords[i]`, or None.

    Args:
        passwords: The passwords. One of more than 72 bytes is an error of that item.
        cost: The logarithm of the number of iterations, 4 to 31.
        prefix: b"2b", b"2a" or b"2y": three labels of one algorithm.
        salts: 16 raw bytes for each password. Without it they come from the operating system's
            random source, which is what everything but a test wants.
        truncate: Cut longer passwords to 72 bytes, as bcrypt did of old.
        workers: How many threads; by default `worker_count()`.
        lanes: At most how many items a thread computes together, 1 to 8; by default what is
            fastest.
        deadline: Seconds of wall time from now. What is not finished then is in `unprocessed`.
        progress: Called as `progress(done, total)` from the calling thread about 20 times a
            second and at the end. Returning False stops the batch.

    Raises:
        TypeError: An argument, or a password, has the wrong type.
        ValueError: An argument is out of range.

    Should `progress` raise, or Ctrl-C arrive, the batch stops and the exception goes on, with
    what was finished as a BatchResult in its attribute `batch_result`.
    """
    started_ns = time.monotonic_ns()
    passwords = check_bytes_list("passwords", passwords)
    cost = check_range("cost", cost, MIN_COST, MAX_COST)
    if prefix not in PREFIXES:
        raise ValueError(f"prefix must be one of {', '.join(map(repr, PREFIXES))}, not {prefix!r}")
    if salts is None:
        drawn = os.urandom(SALT_BYTES * len(passwords))
        salts = [drawn[i : i + SALT_BYTES] for i in range(0, len(drawn), SALT_BYTES)]
    else:
        salts = check_bytes_list("salts", salts)
        check_same_length(passwords, "salts", salts)
        for i, salt in enumerate(salts):
            if len(salt) != SALT_BYTES:
                raise ValueError(f"salts[{i}] must be {SALT_BYTES} raw bytes, not {len(salt)}")
    run = _Run(len(passwords), workers, lanes, deadline, progress, started_ns)
    for i, (password, salt) in enumerate(zip(passwords, salts, strict=True)):
        if len(password) > MAX_PASSWORD_BYTES and not truncate:
            run.errors[i] = _TOO_LONG
        else:
            run.add(i, password, _native.make_setting(prefix, cost, salt))
    return run.compute(lambda batch, item, _: batch.hash(item))


def verify_many(
    passwords: Iterable[bytes],
    hashes: Iterable[bytes],
    *,
    max_cost: int = DEFAULT_MAX_COST,
    truncate: bool = True,
    workers: int | None = None,
    lanes: int | None = None,
    deadline: float | None = None,
    progress: Progress | None = None,
) -> BatchResult[bool]:
    """Check passwords against hashes; `values[i]` is True, False, or None where it wasn't done.

    Costs and the prefixes 2a, 2b, 2x and 2y may be mixed. A malformed hash is an error of that
    item, `invalid_hash`.

    Args:
        passwords: The passwords.
        hashes: As many hashes of 60 bytes.
        max_cost: A hash of a higher cost is an error of that item, `cost_too_high`, instead of
            minutes or days of work. Each step up doubles the time; 16 takes seconds.
        truncate: Cut passwords to 72 bytes, as whatever made the hash most likely did. Otherwise
            a longer one is an error of that item.
        workers: As for `hash_many`.
        lanes: As for `hash_many`.
        deadline: As for `hash_many`.
        progress: As for `hash_many`.

    Raises:
        TypeError: An argument, a password or a hash has the wrong type.
        ValueError: An argument is out of range, or there are not as many hashes as passwords.
    """
    started_ns = time.monotonic_ns()
    passwords = check_bytes_list("passwords", passwords)
    hashes = check_bytes_list("hashes", hashes)
    check_same_length(passwords, "hashes", hashes)
    max_cost = check_range("max_cost", max_cost, MIN_COST, MAX_COST)
    run = _Run(len(passwords), workers, lanes, deadline, progress, started_ns)
    for i, (password, hashed) in enumerate(zip(passwords, hashes, strict=True)):
        try:
            cost = _native.parse_hash(hashed)
        except ValueError as error:
            run.errors[i] = ItemError("invalid_hash", f"not a bcrypt hash: {error}")
            continue
        if cost > max_cost:
            run.errors[i] = ItemError(
                "cost_too_high", f"the hash has cost {cost}; at most {max_cost} is allowed"
            )
        elif len(password) > MAX_PASSWORD_BYTES and not truncate:
            run.errors[i] = _TOO_LONG
        else:
            run.add(i, password, hashed)
    return run.compute(lambda batch, item, i: batch.matches(item, hashes[i]))


def compute_one(password: bytes, setting: bytes) -> bytes:
    """Return the hash of one password, computed in the calling thread."""
    batch = _native.Batch(1)
    batch.add(password, setting)
    batch.plan([[0]], kernel=_native.chosen_kernel(), workers=1)
    while not batch.run_for(SLICE_NS):
        pass  # where Python handles signals
    return batch.hash(0)


class _Run:
    """One call of hash_many or verify_many: its items, and how they are computed."""

    def __init__(
        self,
        total: int,
        workers: int | None,
        lanes: int | None,
        deadline: float | None,
        progress: Progress | None,
        started_ns: int,
    ) -> None:
        self.total = total
        self.workers = check_workers(workers)
        self.kernel = _native.chosen_kernel()
        self.lanes = None if lanes is None else check_range("lanes", lanes, 1, MAX_LANES)
        self.deadline_ns = (
            None if deadline is None else started_ns + check_seconds("deadline", deadline)
        )
        if progress is not None and not callable(progress):
            raise TypeError(f"progress must be callable, not {type(progress).__name__}")
        self.progress = progress
        self.started_ns = started_ns
        self.errors: dict[int, ItemError] = {}
        self.batch = _native.Batch(total)
        self.indices: list[int] = []  # where the batch's items stand in the input
        self.costs: list[int] = []

    def add(self, i: int, password: bytes, setting: bytes) -> None:
        """Put item i of the input into the batch."""
        self.costs.append(self.batch.add(password, setting))
        self.indices.append(i)

    def group(self) -> list[list[int]]:
        """Cut the items into groups, the costliest first."""
        limit = self.lanes or lane_limit(self.kernel, self.workers)
        if limit == 1 or len(self.costs) == 1:
            return [[item] for item in sorted(range(len(self.costs)), key=lambda i: -self.costs[i])]
        from .grouping import plan_groups  # here: neither a cold start nor one lane needs it

        return plan_groups(self.costs, self.workers, limit, _native.group_times(self.kernel))

    def compute(self, value_of: Callable[[_native.Batch, int, int], T]) -> BatchResult[T]:
        """Compute the items; `value_of(batch, item, i)` reads the value of one that is done."""
        crew = None
        if self.workers > 1 and len(self.costs) > 1:
            from .crew import borrow  # one worker needs no crew, nor the modules that crews do

            crew = borrow(self.workers)
            self.workers = crew.size if crew else 1
        groups = self.group()
        try:
            self.batch.plan(
                groups, kernel=self.kernel, workers=self.workers, deadline_ns=self.deadline_ns
            )
            if crew:
                crew.run(self.batch, self.tick)
            else:
                while not self.batch.run_for(SLICE_NS):
                    self.tick()
            self.tick()
        except BaseException as error:
            error.batch_result = self.result(groups, value_of)  # type: ignore[attr-defined]
            raise
        return self.result(groups, value_of)

    def tick(self) -> None:
        """Tell how far the batch is."""
        if self.progress:
            done = len(self.errors) + self.batch.items_done
            if self.progress(done, self.total) is False:
                self.batch.stop()

    def result(
        self, groups: list[list[int]], value_of: Callable[[_native.Batch, int, int], T]
    ) -> BatchResult[T]:
        """Gather what came of each item."""
        values: list[T | None] = [None] * self.total
        unprocessed = []
        for item, i in enumerate(self.indices):
            if self.batch.is_done(item):
                values[i] = value_of(self.batch, item, i)
            else:
                unprocessed.append(i)
        stats = BatchStats(
            workers=self.workers,
            lanes=max(map(len, groups), default=0),
            kernel=self.kernel,
            thread_ids=self.batch.thread_ids,
            elapsed_ns=time.monotonic_ns() - self.started_ns,
        )
        return BatchResult(values, self.errors, unprocessed, stats)
