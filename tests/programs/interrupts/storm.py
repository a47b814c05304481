"""Interrupt batches at random moments, from a seed, until the given number were interrupted.

A timer's signal arrives at a random moment of a call: in Python code before and after it, in
preparation, while threads are made, compute, end, in progress. Its handler may raise, hash itself,
or set the timer anew, so that a second exception comes while the first is handled.
"""

from __future__ import annotations

import collections
import random
import signal
import sys
from typing import Any

import bcrypt_batch
from bcrypt_batch import BatchResult, hash_many, run, verify_many
from tests.programs.process import count_threads, start_a_first_thread

SEED, INTERRUPTS = map(int, sys.argv[1:])


class Interruption(Exception):
    pass


class Stubborn(BaseException):
    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)


source = random.Random(SEED)
seen: collections.Counter[str] = collections.Counter()
passwords = [b"%d" % i for i in range(48)]
hashes = [hashed or b"" for hashed in hash_many(passwords, cost=4, workers=2).values]
again = 0
armed = False  # set and unset by plain assignments, which no signal can part


def handle(*_: object) -> None:
    global again
    if not armed:
        return
    seen["signals"] += 1
    kind = source.random()
    if kind < 0.15:
        assert all(hash_many([b"in a handler"] * 3, cost=4, workers=2).values)
        seen["handlers that hash"] += 1
    elif kind < 0.2:
        raise Stubborn
    else:
        if again:
            again -= 1
            signal.setitimer(signal.ITIMER_REAL, source.random() * 0.0003 + 1e-6)
        raise Interruption


def progress(done: int, total: int) -> None:
    if source.random() < 0.02:
        raise Interruption


def call(workers: int) -> BatchResult[Any]:
    # Batches take a few milliseconds: shorter slices let signals interrupt them in the middle, too.
    run.TICK_NS = source.choice([50_000_000, 300_000])
    now_and_then = progress if source.random() < 0.3 else None
    if source.random() < 0.5:
        return hash_many(passwords, cost=4, workers=workers, progress=now_and_then)
    return verify_many(passwords, hashes, workers=workers, progress=now_and_then)


def check(result: BatchResult[Any]) -> int:
    done = [i for i, value in enumerate(result.values) if value is not None]
    assert len(result.values) == len(passwords)
    assert not result.errors
    assert sorted(done + result.unprocessed) == list(range(len(passwords)))
    assert False not in result.values
    for i in source.sample(done, min(2, len(done))):
        if isinstance(value := result.values[i], bytes):
            assert bcrypt_batch.checkpw(passwords[i], value)
    return len(done)


def came_from_inside(error: BaseException) -> bool:
    """Whether the call had begun: not in its checks of arguments, nor in this program's lines."""
    trace, names = error.__traceback__, set()
    while trace and trace.tb_frame.f_code is not handle.__code__:
        names.add(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    return bool(names & {"compute", "_result", "hand_over", "cuts", "tick"})


def count(error: Interruption | Stubborn) -> None:
    result: BatchResult[Any] | None = getattr(error, "batch_result", None)
    if result is not None and len(result.values) == 3:
        seen["outside"] += 1  # the batch of a handler that came where no other had begun
        assert not came_from_inside(error), error.__traceback__
    elif result is not None:
        seen["with a result"] += 1
        seen["items finished"] += check(result)
        seen["second exceptions"] += isinstance(error.__context__, (Interruption, Stubborn))
    elif isinstance(error, Stubborn):
        seen["that refuse attributes"] += 1
    else:
        seen["outside"] += 1
        assert not came_from_inside(error), error.__traceback__


signal.signal(signal.SIGALRM, handle)
start_a_first_thread()
before = count_threads()
while seen["interrupts"] < INTERRUPTS:
    if seen["calls"] % 400 == 200:
        bcrypt_batch.start_workers(2)
    elif seen["calls"] % 400 == 0:
        bcrypt_batch.stop_workers()
    seen["calls"] += 1
    again = source.choice([0, 0, 1, 3])
    workers = source.choice([1, 2, 2, 3])
    try:
        armed = True
        signal.setitimer(signal.ITIMER_REAL, source.random() * 0.010 + 1e-6)
        result = call(workers)
        armed = False
        assert check(result) == len(passwords)
    except (Interruption, Stubborn) as error:
        armed = False
        seen["interrupts"] += 1
        count(error)
    if (threads := count_threads() - before) > 2:
        raise SystemExit(f"{threads} threads after {dict(seen)}")
signal.setitimer(signal.ITIMER_REAL, 0)  # or it might come after Python's last handling
bcrypt_batch.stop_workers()
assert count_threads() == before, count_threads()
print(dict(seen))
