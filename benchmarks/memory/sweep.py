"""Measure every configuration: warm invocations in rounds, and cold starts if asked for."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from benchmarks.memory.figures import report
from benchmarks.memory.figures.folder import SAMPLES, continued, workload
from benchmarks.memory.figures.recommend import Workload
from benchmarks.memory.figures.samples import Samples
from benchmarks.memory.targets.choice import add_target, add_workload, opened
from benchmarks.memory.targets.interface import Target
from benchmarks.memory.targets.invocation import MODES, Configuration, Invocation
from benchmarks.progress import about, bar
from emulator.arguments import cost, positive, whole

# A configuration is given up after this many invocations in a row that failed, or were warm instead
# of cold or cold instead of warm.
MOST_FAILURES = 5


class Job(NamedTuple):
    """One configuration and mode, cold or warm, to measure repeatedly."""

    configuration: Configuration
    mode: str
    cold: bool

    def __str__(self) -> str:
        return f"{self.configuration} {self.mode}{', cold' * self.cold}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_target(parser)
    add_workload(parser)
    parser.add_argument(
        "--invocations", type=positive, default=20, help="warm, of each mode (%(default)s)"
    )
    parser.add_argument("--cold", type=whole, default=0, help="cold starts (%(default)s)")
    parser.add_argument("--modes", nargs="+", choices=MODES, default=MODES, help="default: both")
    parser.add_argument("--output", type=Path, default=Path("build/sweep"), help="a folder")
    choice = parser.add_argument_group(
        "choice of a memory size", "for the measured workload, or by scaling for another workload"
    )
    choice.add_argument("--for-items", type=positive, help="passwords of a batch")
    choice.add_argument("--for-cost", type=cost, help="cost of each hash")
    choice.add_argument("--deadline-ms", type=positive, help="the longest allowed P95")


def run(arguments: argparse.Namespace) -> int | str:
    """Start or continue a sweep, and write its summary."""
    folder: Path = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    interrupted = False
    with Samples(folder / SAMPLES) as samples:
        parameters = continued(folder, workload(arguments), samples)
        try:
            with opened(arguments) as functions:
                given_up = measure(functions, arguments, samples)
        except KeyboardInterrupt:
            interrupted = True
        if samples.rows:
            report.write(folder, parameters, samples.rows, chosen_for(arguments))
    if interrupted:
        print("interrupted: run the same command to continue")
        raise KeyboardInterrupt
    if given_up:
        return f"sweep: given up after {MOST_FAILURES} failures in a row: {'; '.join(given_up)}"
    return 0


def chosen_for(arguments: argparse.Namespace) -> Workload:
    """Return the workload that the report chooses a memory size for."""
    items = arguments.for_items or arguments.items
    workload = Workload(items, arguments.for_cost or arguments.cost)
    deadline_ms = min(arguments.deadline_ms or workload.deadline_ms, workload.deadline_ms)
    return workload._replace(deadline_ms=deadline_ms)


def measure(functions: Target, arguments: argparse.Namespace, samples: Samples) -> list[str]:
    """Invoke in rounds until each job has its samples; return the jobs that were given up."""
    wanted = {
        Job(configuration, mode, False): arguments.invocations
        for configuration in functions.configurations
        for mode in arguments.modes
    }
    for configuration in functions.configurations:
        wanted[Job(configuration, arguments.modes[0], True)] = arguments.cold
    have = Counter(_job(row) for row in samples.rows if row.good)
    failures: Counter[Job] = Counter()
    lacking = {job: count - have[job] for job, count in wanted.items() if have[job] < count}
    with bar(sum(lacking.values())) as progress:
        while lacking:
            # Cold starts first: an environment's first invocation is cold without being forced.
            cold = [job for job in lacking if job.cold]
            for job in filter(lacking.__contains__, cold or list(lacking)):
                about(progress, str(job))
                row = _sample(functions, job, arguments)
                samples.append(row)
                _count(row, job, lacking, failures, progress)
    return [str(job) for job, count in failures.items() if count >= MOST_FAILURES]


def _sample(functions: Target, job: Job, arguments: argparse.Namespace) -> Invocation:
    if job.cold:
        functions.make_cold(job.configuration)
    event = {"mode": job.mode, "count": arguments.items, "cost": arguments.cost}
    return functions.invoke(job.configuration, event).invocation


def _job(row: Invocation) -> Job:
    return Job(row.configuration, row.mode, row.cold)


def _count(
    row: Invocation,
    job: Job,
    lacking: dict[Job, int],
    failures: Counter[Job],
    progress: tqdm[Any],
) -> None:
    """Count a sample; a sample that should be warm but was cold counts as cold."""
    got = _job(row)
    if row.good and got in lacking:
        progress.update()
        lacking[got] -= 1
        if not lacking[got]:
            del lacking[got]
    if row.good and got == job:
        failures[job] = 0
        return
    failures[job] += 1
    if not row.good:
        progress.write(
            f"{job}: {row.error or f'{row.unprocessed} items left undone'}", file=sys.stderr
        )
    if failures[job] >= MOST_FAILURES:
        lacking.pop(job, None)
