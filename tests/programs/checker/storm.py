"""Calls of threads and coroutines with cancellations, timeouts, interrupts and forks at random.

Each thread and each coroutine asks and counts what came: True or False as it must be, refused,
late, cancelled. In the end the checker must have counted as many, and have nothing left. The
arguments are the number of calls, and "forks" to fork, too.
"""

from __future__ import annotations

import asyncio
import collections
import os
import random
import resource
import signal
import sys
import threading
import time
from typing import NoReturn

import bcrypt_batch
from bcrypt_batch import Checker, CheckerFull, CheckerTimeout
from bcrypt_batch import checker as checker_module
from tests.programs.process import count_threads, end_child, wait_for_child

CALLS = int(sys.argv[1])
FORKS = sys.argv[2:] == ["forks"]

Counts = collections.Counter[str]

# Short ticks, so that signals interrupt the waits of short calls, too.
checker_module.TICK_NS = 500_000  # type: ignore[attr-defined]
hashes = {cost: bcrypt_batch.hashpw(b"right", bcrypt_batch.gensalt(cost)) for cost in (4, 5, 6)}
checker = Checker(workers=2, lanes=4, max_waiting=3)
totals: Counts = collections.Counter()
lock = threading.Lock()
armed = False


class Interruption(Exception):
    pass


def handle(*_: object) -> None:
    if armed:
        raise Interruption


def choose(source: random.Random) -> tuple[bytes, bytes, float | None, bool]:
    right = source.random() < 0.5
    timeout = source.choice([None, None, None, 60, source.random() * 0.02, 0])
    return b"right" if right else b"wrong", hashes[source.choice([4, 4, 4, 5, 6])], timeout, right


def ask(source: random.Random, seen: Counts) -> None:
    password, hashed, timeout, right = choose(source)
    seen["asked"] += 1
    try:
        assert checker.check(password, hashed, timeout=timeout) is right
        seen["answered"] += 1
    except CheckerTimeout:
        seen["late"] += 1
    except CheckerFull:
        seen["refused"] += 1


def in_thread(seed: int, calls: int) -> None:
    source, seen = random.Random(seed), Counts()
    for _ in range(calls):
        ask(source, seen)
    with lock:
        totals.update(seen)


async def ask_async(source: random.Random, seen: Counts) -> None:
    password, hashed, timeout, right = choose(source)
    seen["asked"] += 1
    call = asyncio.ensure_future(checker.check_async(password, hashed, timeout=timeout))
    if source.random() < 0.3:
        await asyncio.sleep(source.random() * 0.01)
        call.cancel()
    try:
        assert await call is right
        seen["answered"] += 1
    except asyncio.CancelledError:
        seen["cancelled"] += 1
    except CheckerTimeout:
        seen["late"] += 1
    except CheckerFull:
        seen["refused"] += 1


async def in_loop(source: random.Random, seen: Counts, calls: int) -> None:
    async def client(calls: int) -> None:
        for _ in range(calls):
            await ask_async(source, seen)

    await asyncio.gather(*(client(calls // 12) for _ in range(12)))


def run_loops(seed: int, calls: int) -> None:
    """Start a new loop now and then: each opens a mailbox, and must leave none open."""
    source, seen = random.Random(seed), Counts()
    for _ in range(5):
        asyncio.run(in_loop(source, seen, calls // 5))
    with lock:
        totals.update(seen)


async def check_five_wrong() -> None:
    checks = [checker.check_async(b"wrong", hashes[4]) for _ in range(5)]
    assert not any(await asyncio.gather(*checks))


def in_child() -> NoReturn:
    signal.alarm(0)
    try:
        assert checker.stats().finished == checker.stats().in_flight == 0
        for _ in range(3):
            assert checker.check(b"right", hashes[4])
        asyncio.run(check_five_wrong())
        checker.close()
        end_child()
    except BaseException as error:
        print("in the child:", repr(error), file=sys.stderr)
        os._exit(1)


def in_main(seed: int, calls: int, forks: int) -> None:
    global armed
    source, seen = random.Random(seed), Counts()
    fork_at = set(source.sample(range(calls), min(calls, forks)))
    for i in range(calls):
        if i in fork_at:
            if not (pid := os.fork()):
                in_child()
            wait_for_child(pid)
            seen["forks"] += 1
        try:
            armed = True
            signal.setitimer(signal.ITIMER_REAL, source.random() * 0.02 + 1e-6)
            ask(source, seen)
            armed = False
        except Interruption:
            armed = False
            seen["interrupts"] += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
    with lock:
        totals.update(seen)


def memory_kb() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() >> 10


def storm(seed: int, calls: int) -> None:
    each = calls // 7
    threads = [threading.Thread(target=in_thread, args=(seed + i, each)) for i in range(4)]
    threads += [threading.Thread(target=run_loops, args=(seed + 10 + i, each)) for i in range(2)]
    for thread in threads:
        thread.start()
    in_main(seed + 20, each, max(2, calls // 400) if FORKS else 0)
    for thread in threads:
        thread.join()


def open_now() -> tuple[int, int]:
    return len(os.listdir("/proc/self/fd")), count_threads()


def settled() -> bool:
    """Return whether nothing is left; Python's own threads may outlive join for a moment."""
    now = zip(open_now(), opened, strict=True)
    return not checker.stats().in_flight and all(count <= before for count, before in now)


signal.signal(signal.SIGALRM, handle)
started = time.monotonic()
storm(1, max(400, CALLS // 10))
opened, early_kb = open_now(), memory_kb()
storm(2, CALLS)
give_up = time.monotonic() + 60
while not settled() and time.monotonic() < give_up:
    time.sleep(0.001)
stats = checker.stats()
assert settled(), (open_now(), opened, stats)
print(dict(totals), f"{time.monotonic() - started:.0f} s")
print(stats)
print(f"resident: {early_kb} kB after a tenth, {memory_kb()} kB at the end")
assert stats.waiting == stats.in_flight == 0
outcomes = sum(totals[kind] for kind in ("answered", "late", "cancelled", "refused"))
assert outcomes + totals["interrupts"] >= totals["asked"] >= outcomes
ends = stats.finished + stats.timed_out + stats.cancelled + stats.refused
# An interrupt or a cancellation may come before the call is in the queue, or after its end.
either = totals["interrupts"] + totals["cancelled"]
assert totals["asked"] - either <= ends <= totals["asked"]
for counted, came in (
    (stats.finished, "answered"),
    (stats.timed_out, "late"),
    (stats.refused, "refused"),
):
    assert totals[came] <= counted <= totals[came] + either, came
assert not checker._deliveries
assert memory_kb() < early_kb + 16_000
checker.close()
