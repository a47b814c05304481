"""Check and hash single passwords, together with all other calls of the process."""

from __future__ import annotations

import sys
import time
from _collections_abc import Callable  # see batch.py
from typing import Literal
from weakref import WeakValueDictionary

from . import _native
from .calls import Calls
from .checks import check_bool, check_range, check_seconds

# Imported here, because a fork during an import in a call would leave the child half a module.
from .deliveries import Deliveries, compute
from .errors import CheckerWithoutThreads
from .lanes import lane_limit
from .limits import DEFAULT_MAX_COST, MAX_COST, MAX_LANES, MIN_COST
from .pool import shortage, warn_of_shortage
from .results import Figures
from .run import TICK_NS
from .workers import check_workers

# One core checks 600 to 900 hashes of cost 12 in half a minute; a longer wait loses the client.
DEFAULT_MAX_WAITING = 1000
MOST_WAITING = 10_000_000


class CheckerStats(Figures):
    """The counts of a checker in this process; `as_dict()` has all of them.

    Attributes:
        waiting: How many calls wait for a lane.
        in_flight: How many calls are being computed.
        mean_group_size: How many lanes of a worker were in use, averaged over all iterations that
            workers have computed; 0.0 before the first.
        hashes_per_second: Calls finished, averaged over the last 10 whole seconds.
        finished: Calls finished since the start.
        refused: Calls refused because the checker was full or closed, and calls that
            `close(wait=False)` ended.
        timed_out: Calls that were not finished within their timeout.
        cancelled: Calls that an exception ended, such as the cancellation of a coroutine.
        wait_p50_s: The median time that a call waits for a lane, in seconds. This figure and the
            next two are rounded up, by 25 % at the most.
        wait_p95_s: The 95th percentile of the waiting time, in seconds.
        wait_p99_s: The 99th percentile of the waiting time, in seconds.
    """

    __slots__ = (
        "cancelled",
        "finished",
        "hashes_per_second",
        "in_flight",
        "mean_group_size",
        "refused",
        "timed_out",
        "wait_p50_s",
        "wait_p95_s",
        "wait_p99_s",
        "waiting",
    )

    def __init__(self, figures: dict[str, int]) -> None:
        """Make the figures from the values that `_native.Queue.stats` returns."""
        self.waiting = figures["waiting"]
        self.in_flight = figures["in_flight"]
        self.mean_group_size = figures["lane_iterations"] / (figures["iterations"] or 1)
        self.hashes_per_second = figures["recent"] / ((figures["recent_ns"] / 1e9) or 1)
        self.finished = figures["finished"]
        self.refused = figures["refused"]
        self.timed_out = figures["timed_out"]
        self.cancelled = figures["cancelled"]
        self.wait_p50_s = figures["wait_p50_ns"] / 1e9
        self.wait_p95_s = figures["wait_p95_ns"] / 1e9
        self.wait_p99_s = figures["wait_p99_ns"] / 1e9

    def __repr__(self) -> str:
        figures = ", ".join(f"{name}={value!r}" for name, value in self.as_dict().items())
        return f"{type(self).__name__}({figures})"


class Checker(Calls):
    """Checks and hashes single passwords of many callers, and computes them together.

    Calls from any number of threads and event loops share the lanes of a few workers. A call starts
    at once if a lane is free. Otherwise the oldest call gets the next free lane, whatever its cost;
    no call waits for others to join. Threads start at the first call, also in a child after fork.
    They end with `close`, which the `with` statement calls.

    Results and exceptions of calls are those of `checkpw` and `hashpw`, plus CheckerFull,
    CheckerClosed, CheckerTimeout and CheckerWithoutThreads. An exception removes its own call from
    the queue; the other calls continue.
    """

    def __init__(
        self,
        *,
        workers: int | None = None,
        lanes: int | None = None,
        max_waiting: int | None = None,
        max_cost: int = DEFAULT_MAX_COST,
        when_full: Literal["raise", "wait"] = "raise",
    ) -> None:
        """Make a checker; it starts no threads before the first call.

        Args:
            workers: How many threads; by default `worker_count()`.
            lanes: The most calls that a thread computes together, 1 to `MAX_LANES`; a kernel with
                fewer lanes uses its own maximum. By default the fastest number.
            max_waiting: How many calls may wait for a lane; by default 1000.
            max_cost: A hash of a higher cost is a ValueError, instead of minutes or days of work.
            when_full: What happens to a call if `max_waiting` calls wait already: "raise" raises
                CheckerFull, "wait" queues the call until its timeout.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range.
        """
        self._workers = check_workers(workers)
        self._max_cost = check_range("max_cost", max_cost, MIN_COST, MAX_COST)
        self._check_when_full(when_full)
        if max_waiting is None:
            max_waiting = DEFAULT_MAX_WAITING
        max_waiting = check_range("max_waiting", max_waiting, 0, MOST_WAITING)
        kernel = _native.chosen_kernel()
        if lanes is None:
            lanes = lane_limit(kernel, self._workers)
        lanes = check_range("lanes", lanes, 1, MAX_LANES)
        self._lanes = min(lanes, _native.max_lanes(kernel))
        self._deliveries: WeakValueDictionary[int, Deliveries] = WeakValueDictionary()
        self._queue = _native.Queue(
            kernel=kernel, workers=self._workers, lanes=self._lanes, max_waiting=max_waiting
        )

    def stats(self) -> CheckerStats:
        """Return the checker's counts; takes microseconds."""
        return CheckerStats(self._queue.stats())

    def close(self, *, wait: bool = True) -> None:
        """Accept no more calls, and end the threads; may be called repeatedly, by any thread.

        Args:
            wait: Finish the accepted calls. Otherwise they raise CheckerClosed within
                milliseconds, even while another thread waits in `close`.
        """
        self._queue.close(_tick, drain=check_bool("wait", wait), slice_ns=TICK_NS)

    def __del__(self, is_finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        # No call is running, because each call refers to the checker. The threads end with the
        # queue. When the interpreter ends, this module's names may be None: hence the argument.
        queue = getattr(self, "_queue", None)
        if queue is not None and queue.started and not is_finalizing():
            import warnings

            warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2, source=self)

    def __repr__(self) -> str:
        return f"<Checker: {self._workers} workers, {self._lanes} lanes>"

    def _waiting(self) -> str:
        return f"{self.stats().waiting} calls are waiting"

    def _start(self) -> None:
        """Start workers if needed; warn if fewer were granted."""
        got = self._queue.start()
        if got == 0:
            raise CheckerWithoutThreads(shortage(self._workers, 0))
        if got is not None and got < self._workers:
            warn_of_shortage(self._workers, got, stacklevel=5)

    def _compute(self, password: bytes, setting: bytes, timeout: float | None) -> bytes:
        deadline_ns = None
        if timeout is not None:
            deadline_ns = time.monotonic_ns() + check_seconds("timeout", timeout)
        self._start()
        answer = self._queue.compute(
            bytes(password),
            setting,
            _tick,
            slice_ns=TICK_NS,
            deadline_ns=deadline_ns,
            even_if_full=self._even_if_full,
        )
        return self._hash_or_raise(answer)

    async def _compute_async(self, password: bytes, setting: bytes, timeout: float | None) -> bytes:
        timeout_s = None if timeout is None else check_seconds("timeout", timeout) / 1e9
        self._start()

        def submit(mailbox: _native.Mailbox) -> _native.Call | str:
            return self._queue.submit(
                bytes(password), setting, mailbox, even_if_full=self._even_if_full
            )

        return self._hash_or_raise(await compute(self._deliveries, self._queue, submit, timeout_s))


def _tick() -> None:
    """Let Python run, so that exceptions sent by other threads can arrive."""
