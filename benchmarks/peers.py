"""Hash the same passwords with bcrypt_batch and its peers in one run; print time and ratio.

Method: the contestants take turns, one short run each, for many rounds, so that all of them meet
the same disturbances. Each figure is given as minimum (the machine left alone) and median (the
machine as it was). Ratios are against pyca/bcrypt in a plain loop, minimum by minimum and median
by median.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import bcrypt

import bcrypt_batch

Contestant = Callable[[list[bytes]], object]


def contestants(cost: int, workers: int, executor: ThreadPoolExecutor) -> dict[str, Contestant]:
    """Return what takes part, by name; the first is what the others are compared with."""

    def pyca(password: bytes) -> bytes:
        return bcrypt.hashpw(password, bcrypt.gensalt(cost))

    def ours(workers: int, lanes: int | None = None) -> Contestant:
        return lambda passwords: bcrypt_batch.hash_many(
            passwords, cost=cost, workers=workers, lanes=lanes
        )

    found: dict[str, Contestant] = {
        "pyca/bcrypt, loop": lambda passwords: [pyca(password) for password in passwords],
        f"pyca/bcrypt, {workers} threads": lambda passwords: list(executor.map(pyca, passwords)),
        "ours, 1 worker, 1 lane": ours(1, 1),
    }
    for count in range(1, workers + 1):
        found[f"ours, {count} worker{'s' * (count > 1)}"] = ours(count)
    return found


def measure(field: dict[str, Contestant], items: int, rounds: int) -> dict[str, list[float]]:
    """Return each contestant's times in milliseconds per hash, one per round."""
    passwords = [b"password_%06d" % i for i in range(items)]
    times: dict[str, list[float]] = {name: [] for name in field}
    for done in range(rounds):
        if sys.stderr.isatty():
            print(f"\rround {done + 1} of {rounds} ", end="", file=sys.stderr, flush=True)
        for name, run in field.items():
            started = time.perf_counter()
            run(passwords)
            times[name].append((time.perf_counter() - started) * 1000 / items)
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    return times


def machine() -> str:
    """Name this machine's CPU and how many of its CPUs this process may use."""
    model = platform.machine()
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{model}, {len(os.sched_getaffinity(0))} CPUs"


def report(cost: int, items: int, rounds: int, workers: int) -> None:
    """Measure and print a table."""
    with ThreadPoolExecutor(workers) as executor:
        times = measure(contestants(cost, workers, executor), items, rounds)
    print(f"{machine()}; Python {platform.python_version()}, {bcrypt_batch.kernels()}")
    print(f"cost {cost}, {items} passwords a run, {rounds} rounds\n")
    print(f"{'':26}{'ms per hash':>20}{'ratio':>16}")
    print(f"{'':26}{'min':>10}{'median':>10}{'min':>8}{'median':>8}")
    reference = next(iter(times.values()))
    for name, own in times.items():
        print(
            f"{name:26}{min(own):10.2f}{statistics.median(own):10.2f}"
            f"{min(reference) / min(own):8.2f}"
            f"{statistics.median(reference) / statistics.median(own):8.2f}"
        )
