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
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import bcrypt

import bcrypt_batch
from benchmarks.grid import Grid
from benchmarks.machine import machine
from benchmarks.progress import about, bar
from emulator.arguments import cost, positive

# Does a workload once and returns seconds.
Contestant = Callable[[], float]

MIN_ROUNDS = 3
MAX_ROUNDS = 40
REFERENCE = "pyca/bcrypt, loop"
ROWS = ("sizes", "cost-4", "mixed", "contended")

# Keeps one CPU busy until its parent ends.
BUSY = """
import os, sys
cpu, parent = map(int, sys.argv[1:])
os.sched_setaffinity(0, {cpu})
while os.getppid() == parent:
    for _ in range(1_000_000):
        pass
"""


class Workload(NamedTuple):
    """The contestants' work in one run.

    Attributes:
        items: The number of passwords.
        costs: The passwords' costs, in turn. With one cost they are hashed; with several they are
            checked against hashes, like those of users who joined in different years.
        contended: Whether another program keeps each CPU busy.
    """

    items: int
    costs: tuple[int, ...]
    contended: bool = False

    @property
    def title(self) -> str:
        count = f"{self.items} password{'s' * (self.items > 1)}"
        costs = f"cost{'s' * (len(self.costs) > 1)} {', '.join(map(str, self.costs))}"
        return f"{count}, {costs}{', each CPU busy' * self.contended}"

    @property
    def passwords(self) -> list[bytes]:
        return [b"password_%06d" % i for i in range(self.items)]

    @property
    def each_cost(self) -> list[int]:
        return [self.costs[i % len(self.costs)] for i in range(self.items)]


class Measurement(NamedTuple):
    """One workload: each contestant's times in milliseconds per hash, one for each round."""

    workload: Workload
    times: dict[str, list[float]]


# The task for a password: hash it with a cost, or check it against a hash.
Task = int | bytes


def do_with_pyca(password: bytes, task: Task) -> object:
    if isinstance(task, bytes):
        return bcrypt.checkpw(password, task)
    return bcrypt.hashpw(password, bcrypt.gensalt(task))


def do_with_ours(password: bytes, task: Task) -> object:
    if isinstance(task, bytes):
        return bcrypt_batch.checkpw(password, task)
    return bcrypt_batch.hashpw(password, bcrypt_batch.gensalt(task))


def tasks(workload: Workload) -> list[Task]:
    if len(workload.costs) == 1:
        return [*workload.each_cost]
    pairs = zip(workload.passwords, workload.each_cost, strict=True)
    return [bcrypt_batch.hashpw(password, bcrypt_batch.gensalt(cost)) for password, cost in pairs]


def timed(run: Callable[[], object]) -> Contestant:
    def measure() -> float:
        started = time.perf_counter()
        run()
        return time.perf_counter() - started

    return measure


class Node:
    """@node-rs/bcrypt in a process of Node.js, with a thread pool of as many threads as workers."""

    SCRIPT = Path(__file__).with_name("node_bcrypt.cjs")
    MODULES = Path(__file__).parent.parent.parent / "build" / "node" / "node_modules"

    def __init__(self, workers: int, stack: ExitStack) -> None:
        self.ready = False
        if not shutil.which("node") or not (self.MODULES / "@node-rs" / "bcrypt").is_dir():
            return
        environment = {"NODE_PATH": str(self.MODULES), "UV_THREADPOOL_SIZE": str(workers)}
        self.process = stack.enter_context(
            subprocess.Popen(
                ["node", str(self.SCRIPT)],
                env={**os.environ, **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        stack.callback(self.process.kill)
        assert self.process.stdout
        self.ready = self.process.stdout.readline() == "ready\n"

    def contestant(
        self, passwords: list[bytes], todo: Sequence[Task], *, together: bool
    ) -> Contestant:
        """Return a contestant that awaits its calls one by one or, if `together`, all at once."""
        texts = [password.decode() for password in passwords]
        tasks = [task.decode() if isinstance(task, bytes) else task for task in todo]
        request = json.dumps({"passwords": texts, "tasks": tasks, "together": together}) + "\n"

        def measure() -> float:
            assert self.process.stdin
            assert self.process.stdout
            self.process.stdin.write(request)
            self.process.stdin.flush()
            seconds, right = self.process.stdout.readline().split()
            assert int(right) == len(passwords)
            return float(seconds)

        return measure


class Pools:
    """The threads and processes of the contestants, started before the measurement."""

    def __init__(self, workers: int, stack: ExitStack) -> None:
        self.workers = workers
        self.node = Node(workers, stack)
        self.threads = stack.enter_context(ThreadPoolExecutor(workers))
        self.processes = stack.enter_context(multiprocessing.get_context("spawn").Pool(workers))
        self.processes.starmap(do_with_pyca, [(b"", 4)] * workers)


def contestants(workload: Workload, pools: Pools) -> dict[str, Contestant]:
    """Return the contestants by name."""
    passwords, todo, workers = workload.passwords, tasks(workload), pools.workers
    found = {
        REFERENCE: timed(lambda: list(map(do_with_pyca, passwords, todo))),
        f"pyca/bcrypt, {workers} threads": timed(
            lambda: list(pools.threads.map(do_with_pyca, passwords, todo))
        ),
        f"pyca/bcrypt, {workers} processes": timed(
            lambda: pools.processes.starmap(do_with_pyca, zip(passwords, todo, strict=True))
        ),
        **dict(other_implementations(workload, todo, pools)),
        "bcrypt_batch, one by one": timed(lambda: list(map(do_with_ours, passwords, todo))),
        "bcrypt_batch, sequential": ours(passwords, todo, 1, lanes=1),
    }
    for count in range(1, workers + 1):
        bcrypt_batch.start_workers(count)
        found[f"bcrypt_batch, {count} worker{'s' * (count > 1)}"] = ours(passwords, todo, count)
    return found


def ours(
    passwords: list[bytes], todo: list[Task], workers: int, lanes: int | None = None
) -> Contestant:
    options: dict[str, Any] = {"workers": workers, "lanes": lanes}
    hashes = [task for task in todo if isinstance(task, bytes)]
    if hashes:
        return timed(lambda: bcrypt_batch.verify_many(passwords, hashes, **options))
    return timed(lambda: bcrypt_batch.hash_many(passwords, cost=int(todo[0]), **options))


def other_implementations(
    workload: Workload, todo: list[Task], pools: Pools
) -> Iterator[tuple[str, Contestant]]:
    """Yield the other implementations that are installed."""
    passwords = workload.passwords
    if crypt := libxcrypt():
        settings = [
            task if isinstance(task, bytes) else b"$2b$%02d$" % task + b"." * 22 for task in todo
        ]
        yield "libxcrypt, loop", timed(lambda: list(map(crypt, passwords, settings)))
    if pools.node.ready:
        for way, together in (("loop", False), (f"{pools.workers} threads", True)):
            contestant = pools.node.contestant(passwords, todo, together=together)
            yield f"@node-rs/bcrypt, {way}", contestant
    john = shutil.which("john", path=os.environ["PATH"] + ":/usr/sbin")
    if john:
        yield "John the Ripper, 1 thread", lambda: john_seconds(john, workload.each_cost)


@contextmanager
def busy_cpus(cpus: set[int]) -> Iterator[None]:
    """Run a busy program on each CPU; the programs end with this process, however it ends."""
    command = [sys.executable, "-c", BUSY]
    programs = [subprocess.Popen([*command, str(cpu), str(os.getpid())]) for cpu in cpus]
    try:
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()


def libxcrypt() -> Callable[[bytes, bytes], bytes] | None:
    """Return the system's crypt if it is libxcrypt's, not an old glibc's."""
    try:
        library = ctypes.CDLL("libcrypt.so.1")
        _ = library.crypt_preferred_method
    except (OSError, AttributeError):
        return None
    library.crypt.restype = ctypes.c_char_p
    return library.crypt


def john_seconds(john: str, costs: list[int]) -> float:
    """Return the seconds for passwords of these costs, scaled from john's own benchmark of cost 5.

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
    measured, *wanted = (521 * ((2 << c) + 1) + 192 for c in (5, *costs))
    return sum(wanted) / measured / (int(speed[1]) * (1000 if speed[2] else 1))


def measure(workload: Workload, pools: Pools, seconds: float) -> Measurement:
    """Let the contestants take turns for about `seconds`; Ctrl-C ends the row sooner."""
    field = contestants(workload, pools)
    times: dict[str, list[float]] = {name: [] for name in field}
    started = time.monotonic()
    try:
        with busy_cpus(os.sched_getaffinity(0) if workload.contended else set()), bar() as progress:
            for done in range(MAX_ROUNDS):
                for name, run in field.items():
                    about(progress, f"{workload.title}, round {done + 1}: {name}")
                    times[name].append(run() * 1000 / workload.items)
                    progress.update()
                if done + 1 >= MIN_ROUNDS and time.monotonic() - started > seconds:
                    break
    except KeyboardInterrupt:
        complete = min(map(len, times.values()))
        if not complete:
            raise
        times = {name: own[:complete] for name, own in times.items()}
    return Measurement(workload, times)


def grid(measurement: Measurement) -> Grid:
    """Return the grid of one workload: milliseconds per hash, and ratio to the reference."""
    reference = measurement.times[REFERENCE]
    lines = []
    for name, own in measurement.times.items():
        times = [min(own), statistics.median(own)]
        ratios = [min(reference) / times[0], statistics.median(reference) / times[1]]
        lines.append([name, *times, *ratios])
    title = f"{measurement.workload.title}: {len(reference)} rounds"
    return Grid(title, ["", "ms per hash: min", "median", "ratio: min", "median"], lines)


def chart(measurements: list[Measurement], title: str, file: Path) -> None:
    """Draw the median ratios of all workloads: a panel for one thread, and one for several."""
    from matplotlib.figure import Figure

    names = list(measurements[0].times)
    several = [name for name in names if re.search(r", \d+ (threads|processes|workers)$", name)]
    panels = {REFERENCE: [name for name in names if name not in several]}
    if several:
        panels[several[0]] = several
    count = len(measurements)
    figure = Figure((9, 0.15 * len(names) * count + 2.2), layout="constrained")
    heights = [len(own) for own in panels.values()]
    column = figure.subplots(len(panels), sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (reference, own) in zip(column, panels.items(), strict=True):
        for i, (workload, times) in enumerate(measurements):
            medians = [statistics.median(times[name]) for name in own]
            ratios = [statistics.median(times[reference]) / median for median in medians]
            places = [y + (i - (count - 1) / 2) * 0.8 / count for y in range(len(own))]
            bars = axes.barh(places, ratios, 0.8 / count, label=workload.title)
            axes.bar_label(bars, fmt="%.2f", padding=3, fontsize=8)
        axes.set_yticks(range(len(own)), own)
        axes.invert_yaxis()
        axes.set_xlabel(f"hashes per second relative to {reference} (medians); more is better")
        axes.margins(x=0.1)
    column[0].set_title(title, fontsize=10)
    column[0].legend(loc="upper right", fontsize=8)
    figure.savefig(file)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cost", type=cost, default=10)
    parser.add_argument(
        "--items", type=positive, nargs="+", default=[1, 20, 1000], help="passwords a run"
    )
    parser.add_argument(
        "--rows", nargs="+", choices=ROWS, default=ROWS, help="rows to measure (default: all)"
    )
    parser.add_argument("--seconds", type=float, default=60, help="for each row; 3 to 40 rounds")
    parser.add_argument("--output", type=Path, help="a folder for JSON and a chart")
    parser.add_argument("--workers", type=positive, default=len(os.sched_getaffinity(0)))


def workloads(rows: Sequence[str], items: list[int], cost: int) -> Iterator[Workload]:
    """Yield the selected rows' workloads, in the order of ROWS."""
    if "sizes" in rows:
        yield from (Workload(count, (cost,)) for count in items)
    if "cost-4" in rows:
        yield Workload(1000, (4,))
    if "mixed" in rows:
        yield Workload(24, tuple(range(max(4, cost - 2), cost + 1)))
    if "contended" in rows:
        yield Workload(24, (cost,), contended=True)


def run(arguments: argparse.Namespace) -> int:
    """Measure, print a grid for each workload, and write JSON and a chart where asked to."""
    output = arguments.output
    here = machine()
    print(", ".join(f"{key} {value}" for key, value in here.items()))
    print(f"up to {arguments.workers} workers\n")
    measurements = []
    with ExitStack() as stack:
        pools = Pools(arguments.workers, stack)
        for workload in workloads(arguments.rows, arguments.items, arguments.cost):
            measurements.append(measure(workload, pools, arguments.seconds))
            print(grid(measurements[-1]).plain(), flush=True)
    if output:
        output.mkdir(parents=True, exist_ok=True)
        results = [
            {**measured.workload._asdict(), "times": measured.times} for measured in measurements
        ]
        content = {"machine": here, "unit": "ms per hash", "results": results}
        (output / "peers.json").write_text(json.dumps(content, indent=1) + "\n")
        title = f"{here['cpu']}, {here['date']}, commit {here['commit']}"
        chart(measurements, title, output / "peers.svg")
        print(f"written: {output / 'peers.json'}, {output / 'peers.svg'}")
    return 0
