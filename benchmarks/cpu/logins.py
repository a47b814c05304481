"""Check one password a request for many clients at once: a Checker beside pyca/bcrypt.

In a closed loop each client sends its next check as soon as it has an answer. In an open loop
checks come at random (Poisson) at a given rate, whether or not earlier checks have been answered;
the rates are shares of pyca/bcrypt's rate with many clients. Contestants take turns.
With --processes the clients are processes, as the workers of a server are. docs/logins.md explains
Checker and SharedChecker.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import bcrypt

import bcrypt_batch
from benchmarks.machine import machine
from benchmarks.processes import PASSWORD, WAYS, Processes, server
from benchmarks.turns import Figures, Turn, measure, write
from emulator.arguments import cost, positive

REFERENCE = "pyca/bcrypt, ThreadPoolExecutor"
OURS = "Checker, threads"
CLIENTS = (1, 2, 4, 8, 16, 32, 64)
SHARES = (0.5, 0.9, 2.0)  # of pyca/bcrypt's rate, in open loops


class Contestant(NamedTuple):
    """A way to check: `closed` takes clients and seconds; `open` a rate, seconds and a seed."""

    closed: Callable[[int, float], Turn]
    open: Callable[[float, float, int], Turn]


def in_threads(check: Callable[[], object]) -> Contestant:
    """Return a contestant whose clients are threads; each calls and waits."""

    def closed(clients: int, seconds: float) -> Turn:
        times_ms: list[float] = []
        until = time.perf_counter() + seconds

        def client() -> None:
            while True:  # once at least
                started = time.perf_counter()
                check()
                times_ms.append((time.perf_counter() - started) * 1000)
                if time.perf_counter() >= until:
                    break

        threads = [threading.Thread(target=client) for _ in range(clients)]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        return joined(threads, started, times_ms)

    def open_loop(rate: float, seconds: float, seed: int) -> Turn:
        times_ms: list[float] = []
        threads: list[threading.Thread] = []

        def client(due: float) -> None:
            check()
            times_ms.append((time.perf_counter() - due) * 1000)

        started = time.perf_counter()
        for arrival in arrivals(rate, seconds, seed):
            time.sleep(max(0.0, started + arrival - time.perf_counter()))
            threads.append(threading.Thread(target=client, args=(started + arrival,)))
            threads[-1].start()
        return joined(threads, started, times_ms)

    return Contestant(closed, open_loop)


def joined(threads: list[threading.Thread], started: float, times_ms: list[float]) -> Turn:
    for thread in threads:
        thread.join()
    return Turn(len(times_ms) / (time.perf_counter() - started), times_ms)


def in_a_loop(check: Callable[[], Awaitable[object]]) -> Contestant:
    """Return a contestant whose clients are coroutines of one event loop."""

    async def closed(clients: int, seconds: float) -> Turn:
        times_ms: list[float] = []
        started = time.perf_counter()

        async def client() -> None:
            while (begun := time.perf_counter()) < started + seconds:
                await check()
                times_ms.append((time.perf_counter() - begun) * 1000)

        await asyncio.gather(*(client() for _ in range(clients)))
        return Turn(len(times_ms) / (time.perf_counter() - started), times_ms)

    async def open_loop(rate: float, seconds: float, seed: int) -> Turn:
        times_ms: list[float] = []
        started = time.perf_counter()

        async def client(due: float) -> None:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await check()
            times_ms.append((time.perf_counter() - due) * 1000)

        due = [started + arrival for arrival in arrivals(rate, seconds, seed)]
        await asyncio.gather(*map(client, due))
        return Turn(len(times_ms) / (time.perf_counter() - started), times_ms)

    return Contestant(
        lambda clients, seconds: asyncio.run(closed(clients, seconds)),
        lambda rate, seconds, seed: asyncio.run(open_loop(rate, seconds, seed)),
    )


def arrivals(rate: float, seconds: float, seed: int) -> Iterator[float]:
    """Yield the checks' times in seconds from the start, equal for all contestants of a turn."""
    source = random.Random(seed)
    arrival = source.expovariate(rate)
    while arrival < seconds:
        yield arrival
        arrival += source.expovariate(rate)


def contestants(cost: int, workers: int, stack: ExitStack) -> dict[str, Contestant]:
    """Return the contestants by name, the reference first."""
    hashed = bcrypt.hashpw(PASSWORD, bcrypt.gensalt(cost))
    pool = stack.enter_context(ThreadPoolExecutor(workers))
    checker = stack.enter_context(
        bcrypt_batch.Checker(workers=workers, max_cost=cost, when_full="wait")
    )
    pool.submit(bcrypt.checkpw, PASSWORD, hashed).result()
    checker.check(PASSWORD, hashed)
    return {
        REFERENCE: in_threads(lambda: pool.submit(bcrypt.checkpw, PASSWORD, hashed).result()),
        "pyca/bcrypt, asyncio.to_thread": in_a_loop(
            lambda: asyncio.to_thread(bcrypt.checkpw, PASSWORD, hashed)
        ),
        OURS: in_threads(lambda: checker.check(PASSWORD, hashed)),
        "Checker, asyncio": in_a_loop(lambda: checker.check_async(PASSWORD, hashed)),
        "bcrypt_batch.checkpw, threads": in_threads(lambda: bcrypt_batch.checkpw(PASSWORD, hashed)),
    }


def contestants_of_processes(
    cost: int, workers: int, stack: ExitStack, processes: int
) -> dict[str, Contestant]:
    """Return the contestants whose checks are made by so many processes, the reference first."""
    hashed = bcrypt.hashpw(PASSWORD, bcrypt.gensalt(cost))
    path = stack.enter_context(server(workers, cost))
    made = {name: Processes(processes, way, hashed, path) for name, way in WAYS.items()}
    return {name: in_threads(stack.enter_context(one).check) for name, one in made.items()}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cost", type=cost, default=10)
    parser.add_argument("--clients", type=positive, nargs="+", default=list(CLIENTS))
    parser.add_argument(
        "--processes",
        type=positive,
        nargs="+",
        metavar="N",
        help="instead of clients in one process: processes that each make one check at a time",
    )
    parser.add_argument(
        "--shares", type=float, nargs="*", default=list(SHARES), help="rates of the open loops"
    )
    parser.add_argument("--seconds", type=float, default=5, help="of each turn (%(default)s)")
    parser.add_argument("--turns", type=positive, default=3)
    parser.add_argument("--workers", type=positive, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--output", type=Path, help="a folder for JSON and a chart")


def run(arguments: argparse.Namespace) -> int:
    """Measure, print a grid for each load, and write JSON and a chart where asked to."""
    cost, turns, seconds = arguments.cost, arguments.turns, arguments.seconds
    here = machine()
    print(", ".join(f"{key} {value}" for key, value in here.items()))
    print(f"cost {cost}, {arguments.workers} workers, {turns} turns of {seconds:g} s\n")
    closed: dict[int, Figures] = {}
    opened: dict[str, Figures] = {}
    loads = arguments.processes or arguments.clients
    for n in loads:
        with ExitStack() as stack:
            if arguments.processes:
                field = contestants_of_processes(cost, arguments.workers, stack, n)
                title = f"closed loop, {n} process{'es' * (n > 1)}"
            else:
                field = contestants(cost, arguments.workers, stack)
                title = f"closed loop, {n} client{'s' * (n > 1)}"

            def turn(one: Contestant, _: int, n: int = n) -> Turn:
                return one.closed(n, seconds)

            closed[n] = measure(title, turn, field, turns)
            if n == loads[-1]:
                opened = open_loops(field, closed, arguments)
    if arguments.output:
        results = {"closed": closed, "open": opened}
        name, clients = ("processes",) * 2 if arguments.processes else ("logins", "clients")
        clients += ", each with one check at a time"
        write(arguments.output, name, clients, here, cost, results)
    return 0


def open_loops(
    field: dict[str, Contestant], closed: dict[int, Figures], arguments: argparse.Namespace
) -> dict[str, Figures]:
    """Measure at shares of the reference's highest rate; return the figures by share."""
    capacity = max(next(iter(figures.values()))["per_second"] for figures in closed.values())
    found = {}
    for share in arguments.shares:
        rate = share * capacity
        title = f"open loop, {rate:.1f} checks/s: {100 * share:.0f} % of pyca/bcrypt's most"

        def turn(one: Contestant, number: int, rate: float = rate) -> Turn:
            return one.open(rate, arguments.seconds, number)

        found[f"{share:g}"] = measure(title, turn, field, arguments.turns)
    return found
