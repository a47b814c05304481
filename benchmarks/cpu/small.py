"""Show the overhead of small batches, and the time and memory per item of a large one.

"Hashing" is the time that the items take at the rate of 1000 items with the same workers. The
overhead is the time to prepare (checks, keys, salts), to plan the groups, to gather the results,
and to wake threads, which includes the loss if few items don't fill all lanes and workers. All
times are minima in microseconds; the minimum of 1000 items needs a quiet machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import bcrypt_batch
from bcrypt_batch.limits import SALT_BYTES
from bcrypt_batch.run import TICK_NS, BatchRun
from benchmarks.grid import Grid
from benchmarks.machine import machine
from benchmarks.progress import about, bar
from emulator.arguments import positive, whole

REFERENCE_ITEMS = 1000
PHASES = ("prepare", "plan", "compute", "gather")


def passwords(count: int) -> list[bytes]:
    return [b"password_%06d" % i for i in range(count)]


def phases(items: list[bytes], cost: int, workers: int) -> list[int]:
    """Do the work of hash_many; return the nanoseconds of each phase."""
    moments = [time.perf_counter_ns()]
    run = BatchRun(len(items), workers, None, None, None, time.monotonic_ns())
    salts = os.urandom(SALT_BYTES * len(items))
    run.batch.add_passwords(list(items), prefix=b"2b", cost=cost, salts=salts, truncate=False)
    del salts
    moments.append(time.perf_counter_ns())
    run.batch.plan(run.cuts(), kernel=run.kernel, workers=workers)
    moments.append(time.perf_counter_ns())
    run.batch.run(run.tick, slice_ns=TICK_NS)
    moments.append(time.perf_counter_ns())
    run.hashes()
    moments.append(time.perf_counter_ns())
    return [end - start for start, end in pairwise(moments)]


class Small:
    """The batches of one cost, with kept threads or with new ones for each call."""

    def __init__(self, cost: int, workers: int, keep: bool, sizes: list[int]) -> None:
        self.cost = cost
        self.workers = workers
        self.keep = keep
        self.times: dict[int, list[list[int]]] = {n: [] for n in (REFERENCE_ITEMS, *sizes)}

    def turn(self) -> None:
        """Measure each size once, small sizes more often."""
        bcrypt_batch.stop_workers()
        if self.keep:
            bcrypt_batch.start_workers(self.workers)
        for size, times in self.times.items():
            items = passwords(size)
            repeats = max(1, REFERENCE_ITEMS // (size * 8)) if size < REFERENCE_ITEMS else 1
            times.extend(phases(items, self.cost, self.workers) for _ in range(repeats))

    def rows(self) -> Iterator[list[object]]:
        """Yield a line for each size: minima, and the median of the rate."""
        totals = {size: [sum(one) / size for one in times] for size, times in self.times.items()}
        threads = "kept" if self.keep else "of the call"
        for size, times in self.times.items():
            least = [min(phase) / 1000 for phase in zip(*times, strict=True)]
            ideal = min(totals[REFERENCE_ITEMS]) * size / 1000
            ratios = [
                100 * of(totals[REFERENCE_ITEMS]) / of(totals[size])
                for of in (min, statistics.median)
            ]
            parts = [least[0], least[1], max(0.0, least[2] - ideal), least[3]]
            yield [self.cost, threads, size, ideal, *parts, *ratios]


def small(arguments: argparse.Namespace) -> Grid:
    """Let all costs, with kept and with new threads, take turns for about `--seconds`."""
    kinds = (True, False) if arguments.workers > 1 else (False,)
    batches = [
        Small(cost, arguments.workers, keep, arguments.items)
        for cost in arguments.costs
        for keep in kinds
    ]
    ends = time.monotonic() + arguments.seconds
    with bar() as progress:
        while True:
            for batch in batches:
                about(progress, f"cost {batch.cost}")
                batch.turn()
                progress.update()
            if time.monotonic() > ends:
                break
    bcrypt_batch.stop_workers()
    headings = ["cost", "threads", "items", "hashing", "prepare", "plan", "wake, fill", "gather"]
    headings += ["% of the rate of 1000: min", "median"]
    rows = [row for batch in batches for row in batch.rows()]
    return Grid(f"Small batches, {arguments.workers} workers", headings, rows)


def large(count: int, workers: int) -> Grid:
    """Hash `count` passwords of cost 4; return the time and the memory of an item."""
    items = passwords(count)
    phases(items[:REFERENCE_ITEMS], 4, workers)  # the first use loads modules
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak, VmHWM; see proc(5)
    base_kb = status_kb("VmRSS")
    each = [phase / count for phase in phases(items, 4, workers)]
    peak_bytes = (status_kb("VmHWM") - base_kb) * 1024 / count
    headings = ["workers", *(f"{name}, ns an item" for name in PHASES), "bytes an item"]
    return Grid(f"{count:,} items of cost 4", headings, [[workers, *each, peak_bytes]])


def status_kb(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--items", type=positive, nargs="+", default=[1, 2, 3, 4, 8, 16, 24])
    parser.add_argument("--costs", type=positive, nargs="+", default=[4, 6, 8])
    parser.add_argument("--workers", type=positive, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seconds", type=float, default=60, help="for all small batches")
    parser.add_argument(
        "--large", type=whole, default=1_000_000, help="items of the large batch; 0 for none"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print a grid of the small batches, and a grid of the large batch."""
    print(", ".join(f"{key} {value}" for key, value in machine().items()), "\n")
    print(small(arguments).plain(), flush=True)
    if arguments.large:
        print(large(arguments.large, arguments.workers).plain())
    return 0
