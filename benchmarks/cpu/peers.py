"""Hash the same passwords with bcrypt_batch and its peers in one run: `make bench`.

docs/measured.md has the method.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import multiprocessing
import os
import re
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import bcrypt

import bcrypt_batch
from benchmarks.arguments import positive
from benchmarks.machine import machine
from benchmarks.progress import about, bar
from benchmarks.tables import Table

# Runs the contestant on so many passwords and returns seconds.
Contestant = Callable[[list[bytes]], float]

MIN_ROUNDS = 3
MAX_ROUNDS = 40
REFERENCE = "pyca/bcrypt, loop"


class Measurement(NamedTuple):
    """One batch size: each contestant's times in milliseconds per hash, one for each round."""

    items: int
    times: dict[str, list[float]]


def hash_with_pyca(password: bytes, cost: int) -> bytes:
    return bcrypt.hashpw(password, bcrypt.gensalt(cost))


def timed(run: Callable[[list[bytes]], object]) -> Contestant:
    def measure(passwords: list[bytes]) -> float:
        started = time.perf_counter()
        run(passwords)
        return time.perf_counter() - started

    return measure


def contestants(cost: int, workers: int, stack: ExitStack) -> dict[str, Contestant]:
    """Return what takes part, by name. Pools are started here, not in the measurement."""
    threads = stack.enter_context(ThreadPoolExecutor(workers))
    processes = stack.enter_context(multiprocessing.get_context("spawn").Pool(workers))
    costs = [cost] * 1000
    processes.starmap(hash_with_pyca, [(b"", 4)] * workers)
    found = {
        REFERENCE: timed(lambda passwords: [hash_with_pyca(p, cost) for p in passwords]),
        f"pyca/bcrypt, {workers} threads": timed(
            lambda passwords: list(threads.map(hash_with_pyca, passwords, costs))
        ),
        f"pyca/bcrypt, {workers} processes": timed(
            lambda passwords: processes.starmap(hash_with_pyca, [(p, cost) for p in passwords])
        ),
        **dict(other_implementations(cost)),
        "bcrypt_batch, hashpw": timed(
            lambda passwords: [
                bcrypt_batch.hashpw(p, bcrypt_batch.gensalt(cost)) for p in passwords
            ]
        ),
        "bcrypt_batch, sequential": ours(cost, 1, lanes=1),
    }
    for count in range(1, workers + 1):
        bcrypt_batch.start_workers(count)
        found[f"bcrypt_batch, {count} worker{'s' * (count > 1)}"] = ours(cost, count)
    return found


def ours(cost: int, workers: int, lanes: int | None = None) -> Contestant:
    return timed(
        lambda passwords: bcrypt_batch.hash_many(passwords, cost=cost, workers=workers, lanes=lanes)
    )


def other_implementations(cost: int) -> Iterator[tuple[str, Contestant]]:
    """Yield what happens to be installed."""
    if crypt := libxcrypt():
        setting = b"$2b$%02d$" % cost + b"." * 22
        yield "libxcrypt, loop", timed(lambda passwords: [crypt(p, setting) for p in passwords])
    john = shutil.which("john", path=os.environ["PATH"] + ":/usr/sbin")
    if john:
        yield "John the Ripper, 1 thread", lambda passwords: john_seconds(john, cost, passwords)


def libxcrypt() -> Callable[[bytes, bytes], bytes] | None:
    """Return the system's crypt, where it is libxcrypt's and not an old glibc's."""
    try:
        library = ctypes.CDLL("libcrypt.so.1")
        _ = library.crypt_preferred_method
    except (OSError, AttributeError):
        return None
    library.crypt.restype = ctypes.c_char_p
    return library.crypt


def john_seconds(john: str, cost: int, passwords: list[bytes]) -> float:
    """Return what its own benchmark, of cost 5, comes to for these passwords.

    A hash of cost c is 521 * (2^(c+1) + 1) + 192 Blowfish encryptions.
    """
    done = subprocess.run(
        [john, "--test=1", "--format=bcrypt"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    speed = re.search(r"Raw:\s+(\d+)(K?) c/s real", done.stdout)
    assert speed, done.stdout
    measured, wanted = (521 * ((2 << c) + 1) + 192 for c in (5, cost))
    per_second = int(speed[1]) * (1000 if speed[2] else 1) * measured / wanted
    return len(passwords) / per_second


def measure(field: dict[str, Contestant], items: int, seconds: float) -> Measurement:
    """Let the contestants take turns for about as long as asked; Ctrl-C ends it sooner."""
    passwords = [b"password_%06d" % i for i in range(items)]
    times: dict[str, list[float]] = {name: [] for name in field}
    progress = bar()
    started = time.monotonic()
    try:
        for done in range(MAX_ROUNDS):
            for name, run in field.items():
                about(progress, f"{items} passwords, round {done + 1}: {name}")
                times[name].append(run(passwords) * 1000 / items)
                progress.update()
            if done + 1 >= MIN_ROUNDS and time.monotonic() - started > seconds:
                break
    except KeyboardInterrupt:
        complete = min(map(len, times.values()))
        if not complete:
            raise
        times = {name: own[:complete] for name, own in times.items()}
    finally:
        progress.close()
    return Measurement(items, times)


def table(measurement: Measurement) -> Table:
    """Return one batch size: milliseconds per hash, and ratio to the reference."""
    reference = measurement.times[REFERENCE]
    lines = []
    for name, own in measurement.times.items():
        times = [min(own), statistics.median(own)]
        ratios = [min(reference) / times[0], statistics.median(reference) / times[1]]
        lines.append([name, *times, *ratios])
    title = f"{measurement.items} passwords a run, {len(reference)} rounds"
    return Table(title, ["", "ms per hash: min", "median", "ratio: min", "median"], lines)


def chart(measurements: list[Measurement], title: str, file: Path) -> None:
    """Draw the median ratios of all batch sizes."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    names = list(measurements[0].times)[::-1]
    height = 0.8 / len(measurements)
    figure, axes = plt.subplots(figsize=(9, 0.45 * len(names) + 1.6), layout="constrained")
    for i, (items, times) in enumerate(measurements):
        reference = statistics.median(times[REFERENCE])
        ratios = [reference / statistics.median(times[name]) for name in names]
        places = [y - 0.4 + height * (len(measurements) - i - 0.5) for y in range(len(names))]
        bars = axes.barh(places, ratios, height, label=f"{items} password{'s' * (items > 1)} a run")
        axes.bar_label(bars, fmt="%.2f", padding=3, fontsize=8)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("hashes per second, relative to pyca/bcrypt in a loop (medians)")
    axes.set_title(title, fontsize=10)
    axes.margins(x=0.1)
    axes.legend(loc="upper right")
    figure.savefig(file)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cost", type=int, default=10)
    parser.add_argument(
        "--items", type=positive, nargs="+", default=[1, 20, 1000], help="passwords a run"
    )
    parser.add_argument(
        "--seconds", type=float, default=60, help="for each batch size; 3 to 40 rounds"
    )
    parser.add_argument("--output", type=Path, help="a folder for JSON and a chart")
    parser.add_argument("--workers", type=positive, default=len(os.sched_getaffinity(0)))


def run(arguments: argparse.Namespace) -> int:
    """Measure, print a table for each batch size, and write JSON and a chart where asked to."""
    cost, output = arguments.cost, arguments.output
    here = machine()
    print(", ".join(f"{key} {value}" for key, value in here.items()))
    print(f"cost {cost}, up to {arguments.workers} workers\n")
    measurements = []
    with ExitStack() as stack:
        field = contestants(cost, arguments.workers, stack)
        for items in arguments.items:
            measurements.append(measure(field, items, arguments.seconds))
            print(table(measurements[-1]).plain(), flush=True)
    if output:
        output.mkdir(parents=True, exist_ok=True)
        results = [measurement._asdict() for measurement in measurements]
        content = {"machine": here, "cost": cost, "unit": "ms per hash", "results": results}
        (output / "peers.json").write_text(json.dumps(content, indent=1) + "\n")
        title = f"cost {cost}, {here['cpu']}, {here['date']}, commit {here['commit']}"
        chart(measurements, title, output / "peers.svg")
        print(f"written: {output / 'peers.json'}, {output / 'peers.svg'}")
    return 0
