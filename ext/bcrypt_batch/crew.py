"""Crews: threads of our own that keep an OpenMP pool each.

libgomp gives every thread that runs a parallel region a pool, and keeps it as long as that thread
asks for the same number of threads. In a child after fork the forking thread's pool is gone but
not forgotten: a region started there hangs. And where the system refuses a thread, libgomp ends
the process. So batches do not run in the caller's thread but in a crew's: it always asks for the
same size, a child makes new crews, callers in several threads get one each, and before a crew is
made the threads it will need are tried out. Meanwhile the caller is free to look after signals
and progress.
"""

from __future__ import annotations

import os
import threading
import time
import warnings

from . import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

TICK_S = 0.05  # how often a waiting caller looks after progress; signals wake it at once

# Idle crews by the size that was asked for. A plain list, since append and pop are atomic.
_idle: dict[int, list[Crew]] = {}
_making = threading.Lock()


def _forget_crews() -> None:
    """In a child after fork there are none, and nobody is making any."""
    global _making
    _idle.clear()
    _making = threading.Lock()


os.register_at_fork(after_in_child=_forget_crews)


class Job:
    """One batch on its way through a crew."""

    def __init__(self, batch: _native.Batch) -> None:
        self.batch = batch
        self.error: BaseException | None = None
        self.finished = threading.Event()


class Crew:
    """`size` threads: one of Python's, and the others of its OpenMP pool."""

    def __init__(self, size: int, home: list[Crew]) -> None:
        self.size = size
        self._home = home
        # Not a queue: there is one caller at a time, and importing queue takes half a millisecond.
        self._job: Job | None = None
        self._posted = threading.Event()
        self._ready = threading.Event()
        threading.Thread(target=self._serve, name=f"bcrypt_batch x{size}", daemon=True).start()
        self._ready.wait()

    def _serve(self) -> None:
        _native.start_pool(self.size)
        self._ready.set()
        while True:
            self._posted.wait()
            self._posted.clear()
            job, self._job = self._job, None
            assert job
            try:
                job.batch.run()
            except BaseException as error:
                job.error = error
            # Here and not in the caller, who may have left at a second Ctrl-C.
            self._home.append(self)
            job.finished.set()
            del job  # it holds secrets until it is freed

    def run(self, batch: _native.Batch, tick: Callable[[], None]) -> None:
        """Compute a planned batch, calling `tick` meanwhile; what it raises stops the batch."""
        job = Job(batch)
        self._job = job
        self._posted.set()
        try:
            while not job.finished.wait(TICK_S):
                tick()
        except BaseException:
            batch.stop()
            job.finished.wait()
            raise
        if job.error:
            raise job.error


def borrow(size: int) -> Crew | None:
    """Return an idle crew, or a new one, which goes back by itself when it has run a batch.

    Where the system gives fewer threads than `size`, so does the crew, with a RuntimeWarning; None
    where there is only the caller's thread.
    """
    home = _idle.setdefault(size, [])
    try:
        return home.pop()
    except IndexError:
        pass
    with _making:
        available = _try_threads(size)
        if available < size:
            warnings.warn(
                f"the system allows {available} more threads where {size} workers were asked for; "
                f"going on with {max(available, 1)}. Ask for fewer (WORKER_COUNT), or raise the "
                "limit on processes or memory.",
                RuntimeWarning,
                stacklevel=4,
            )
        return Crew(available, home) if available > 1 else None


def start(size: int) -> None:
    """Make sure that a crew of this size is waiting."""
    if not _idle.get(size) and (crew := borrow(size)):
        _idle[size].append(crew)


def _try_threads(count: int) -> int:
    """Return how many of `count` threads the system lets live at once."""
    release = threading.Event()
    threads = []
    try:
        for _ in range(count):
            thread = threading.Thread(target=release.wait, daemon=True)
            thread.start()
            threads.append(thread)
    except (RuntimeError, MemoryError):  # "can't start new thread"
        pass
    finally:
        release.set()
    # Joined threads count against the limits until the kernel has reaped them.
    give_up = time.monotonic() + 1
    for thread in threads:
        thread.join()
        while os.path.exists(f"/proc/self/task/{thread.native_id}") and time.monotonic() < give_up:
            time.sleep(0.0002)
    return len(threads)
