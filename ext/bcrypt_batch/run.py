"""One call of hash_many or verify_many: plan its groups, compute them, gather the results."""

from __future__ import annotations

import time
from _collections_abc import Callable  # see batch.py

from . import _native
from .checks import check_range, check_seconds
from .lanes import lane_limit
from .limits import MAX_LANES, MAX_PASSWORD_BYTES
from .missing import is_missing
from .pool import warn_of_shortage
from .results import BatchResult, BatchStats, ItemError
from .workers import check_workers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

Progress = Callable[[int, int], object]

TICK_NS = 50_000_000  # between two checks of signals and progress


class BatchRun:
    """The items of one call, and how they are computed.

    Once a run exists, exceptions leave through `_native.hand_over`, which attaches the result.

    Attributes:
        schemes: The scheme of each item, for the result.
        put: Makes the text to store from a hash; None if the hash itself is stored.
    """

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
        if progress is not None and not callable(progress):
            raise TypeError(f"progress must be callable, not {type(progress).__name__}")
        self.progress = progress
        self.started_ns = started_ns
        deadline_ns = None if deadline is None else started_ns + check_seconds("deadline", deadline)
        self.batch = _native.Batch(total, deadline_ns, ItemError, is_missing)
        self.cut: list[int] = []
        self.schemes: list[str | None] = []
        self.put: Callable[[bytes], bytes] | None = None
        self.begun = 0  # how many items the progress counts as done after a first round

    def note_cut(self, passwords: list[Any]) -> None:
        """Note which passwords the batch has cut."""
        self.cut = [
            i
            for i, password in enumerate(passwords)
            if isinstance(password, bytes) and len(password) > MAX_PASSWORD_BYTES
        ]

    def begin_with(
        self,
        first: BatchRun,
        passwords: list[Any],
        hashes: list[Any],
        twice: list[int],
        max_cost: int,
        truncate: bool,
    ) -> None:
        """Compute the first of two rounds of bcrypt: replace passwords by their hashes.

        `twice` has the indices of the items with two rounds, and `first` is a run of as many items.
        If the first round isn't finished in time, the second round computes nothing.
        """
        self.begun = len(twice) // 2
        if (progress := self.progress) is not None:
            first.progress = lambda done, _: progress(done // 2, self.total)
        first.batch.add_hashes(
            [passwords[i] for i in twice],
            [hashes[i] for i in twice],
            max_cost=max_cost,
            truncate=truncate,
        )
        first.compute()
        for i, hashed in zip(twice, first.batch.hashes(), strict=True):
            if hashed is not None:
                passwords[i] = hashed
        if first.batch.unprocessed():
            self.batch.stop()

    def compute(self) -> None:
        """Compute the items of the batch; warn if the system refused threads."""
        self.batch.plan(self.cuts(), kernel=self.kernel, workers=self.workers)
        got = self.batch.run(self.tick, slice_ns=TICK_NS)
        if got < self.batch.workers:
            self.workers = got
            warn_of_shortage(self.batch.workers, got, stacklevel=3)
        self.tick()

    def cuts(self) -> list[tuple[int, int, int]]:
        """Cut the items into groups, the costliest first."""
        counts = self.batch.costs
        limit = self.lanes or lane_limit(self.kernel, self.workers)
        if limit == 1 or sum(counts.values()) == 1:
            return [(cost, 1, counts[cost]) for cost in sorted(counts, reverse=True)]
        from .grouping import plan_groups  # imported only if needed, for fast cold starts

        return plan_groups(counts, self.workers, limit, _native.group_times(self.kernel))

    def tick(self) -> None:
        """Report progress. Even without `progress`, running Python code lets exceptions arrive."""
        if self.progress is not None:
            done = len(self.batch.refused) + self.batch.items_done
            if self.progress(max(done, self.begun), self.total) is False:
                self.batch.stop()

    def hashes(self) -> BatchResult[bytes]:
        """Gather the result of each password to hash."""
        made = self.batch.hashes()
        if (put := self.put) is not None:
            made = [hashed and put(hashed) for hashed in made]
        return self.result(made, self.batch.unprocessed(), self.batch.lanes)

    def matches(self) -> BatchResult[bool]:
        """Gather the result of each hash to check."""
        return self.result(self.batch.matches(), self.batch.unprocessed(), self.batch.lanes)

    def result(self, values: list[Any], unprocessed: list[int], lanes: int) -> BatchResult[Any]:
        """Return the result, which has these values."""
        stats = BatchStats(
            workers=self.workers,
            lanes=lanes,
            kernel=self.kernel,
            thread_ids=self.batch.thread_ids,
            elapsed_ns=time.monotonic_ns() - self.started_ns,
        )
        errors = {i: ItemError(*refusal) for i, refusal in self.batch.refused.items()}
        truncated = [i for i in self.cut if values[i] is not None]
        return BatchResult(values, errors, unprocessed, truncated, stats, self.schemes)
