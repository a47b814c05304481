"""Calls of many processes beside a server that is killed, restarted and stopped at random.

Each process asks from a thread and an event loop, with timeouts, cancellations, interrupts and
forks; three more are killed and stopped. Each call is answered once, rightly, or refused by name.
The arguments are a folder and the number of calls; prints what came of them.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import json
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

import bcrypt_batch
from bcrypt_batch import CheckerFull, CheckerTimeout, SharedChecker
from tests.programs.process import end_child, wait_for_child
from tests.serving import Serving

FOLDER, CALLS = Path(sys.argv[1]), int(sys.argv[2])
PROCESSES = 16
FAULTS = ["killed", "ended", "stopped", "removed", "client killed", "client stopped"]
HASHES = {
    cost: bcrypt_batch.hashpw(b"right", b"$2b$%02d$" % cost + b"." * 22) for cost in (4, 5, 6)
}
Counts = collections.Counter[str]


class Interruption(Exception):
    pass


def interrupt(*_: object) -> None:
    raise Interruption


def choose(source: random.Random) -> tuple[bytes, bytes, float | None, bool]:
    right = source.random() < 0.5
    timeout = source.choice([None, None, 60, source.random() * 0.02, 0])
    return b"right" if right else b"wrong", HASHES[source.choice([4, 4, 5, 6])], timeout, right


def ask(checker: SharedChecker, source: random.Random) -> str:
    password, hashed, timeout, right = choose(source)
    try:
        assert checker.check(password, hashed, timeout=timeout) is right
        return "answered"
    except CheckerTimeout:
        return "late"
    except CheckerFull:
        return "refused"


async def ask_async(checker: SharedChecker, source: random.Random) -> str:
    password, hashed, timeout, right = choose(source)
    call = asyncio.ensure_future(checker.check_async(password, hashed, timeout=timeout))
    if source.random() < 0.2:
        await asyncio.sleep(source.random() * 0.01)
        call.cancel()
    try:
        assert await call is right
        return "answered"
    except asyncio.CancelledError:
        return "cancelled"
    except CheckerTimeout:
        return "late"
    except CheckerFull:
        return "refused"


async def in_loop(checker: SharedChecker, source: random.Random, seen: Counts, calls: int) -> None:
    async def client() -> None:
        for _ in range(calls // 4):
            seen[await ask_async(checker, source)] += 1

    await asyncio.gather(*(client() for _ in range(4)))


def ask_in_child(checker: SharedChecker) -> None:
    assert checker.check(b"right", HASHES[4])
    end_child()


def client(seed: int, calls: int) -> Counts:
    """Ask in a loop of another thread, and in this one, which is interrupted and forks."""
    source, seen, others = random.Random(seed), Counts(), Counts()
    signal.signal(signal.SIGALRM, interrupt)
    with SharedChecker(FOLDER / "socket", when_full="wait") as checker:
        loop = threading.Thread(
            target=lambda: asyncio.run(
                in_loop(checker, random.Random(seed + 1000), others, calls // 2)
            )
        )
        loop.start()
        for i in range(calls // 2):
            if i % 20 == 10:
                if pid := os.fork():
                    wait_for_child(pid)
                    seen["forks"] += 1
                else:
                    ask_in_child(checker)
            outcome = "interrupts"
            with contextlib.suppress(Interruption):  # which may come when the call has its outcome
                if source.random() < 0.1:
                    signal.setitimer(signal.ITIMER_REAL, source.random() * 0.01 + 1e-6)
                outcome = ask(checker, source)
                signal.setitimer(signal.ITIMER_REAL, 0)
            seen[outcome] += 1
        loop.join()
        seen["computed here"] = checker.stats().computed_here
    assert sum(others.values()) == calls // 2 // 4 * 4
    return seen + others


def run_client(seed: int) -> int:
    if pid := os.fork():
        return pid
    try:
        seen = client(seed, CALLS // PROCESSES)
        (FOLDER / f"{seed}.json").write_text(json.dumps(seen))
        end_child()
    except BaseException as error:
        print(f"client {seed}: {error!r}", file=sys.stderr)
        raise
    finally:
        os._exit(1)


def serve() -> Serving:
    return Serving(FOLDER, "--workers", "2", "--lanes", "4", "--max-waiting", "20")


started = time.monotonic()
server = serve()
assert server.checker().check(b"right", HASHES[4])
opened = server.open_now()
clients = {run_client(seed) for seed in range(PROCESSES)}
victims = {run_client(seed) for seed in range(100, 103)}  # which are killed
source, faults = random.Random(1), Counts()
while clients:
    time.sleep(source.random() * max(0.5, CALLS / 10_000))
    done, status = os.waitpid(-1, os.WNOHANG)
    if done in clients:
        assert os.waitstatus_to_exitcode(status) == 7, (done, status)
        clients.discard(done)
    victims.discard(done)
    fault = source.choice(FAULTS)
    faults[fault] += 1
    if fault in ("killed", "ended"):
        server.end(signal.SIGKILL if fault == "killed" else signal.SIGTERM)
        server = serve()
    elif fault == "stopped":
        server.process.send_signal(signal.SIGSTOP)
        time.sleep(0.05)
        server.process.send_signal(signal.SIGCONT)
    elif fault == "removed":
        os.unlink(server.path)
        server.process.wait()
        server = serve()
    elif victims:
        victim = victims.pop() if fault == "client killed" else next(iter(victims))
        os.kill(victim, signal.SIGKILL if fault == "client killed" else signal.SIGSTOP)
        if fault == "client stopped":
            time.sleep(0.02)
            os.kill(victim, signal.SIGCONT)
for victim in victims:
    os.kill(victim, signal.SIGKILL)
totals = Counts()
for seed in range(PROCESSES):
    totals.update(json.loads((FOLDER / f"{seed}.json").read_text()))
give_up = time.monotonic() + 60
while (stats := server.checker().stats()).in_flight or stats.waiting:
    assert time.monotonic() < give_up, stats
while (left := server.open_now()) > opened:
    assert time.monotonic() < give_up, (opened, left)
assert server.end() == 0
print(dict(totals), dict(faults), f"{time.monotonic() - started:.0f} s")
outcomes = ("answered", "late", "cancelled", "refused", "interrupts")
assert sum(totals[kind] for kind in outcomes) == CALLS // PROCESSES // 2 * PROCESSES + (
    CALLS // PROCESSES // 2 // 4 * 4 * PROCESSES
)
