"""Measure every configuration: warm invocations in rounds, and cold starts where asked for."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import boto3

from benchmarks import report
from benchmarks.invocation import Configuration, Invocation
from benchmarks.machine import machine
from benchmarks.problem import Problem
from benchmarks.progress import Progress
from benchmarks.samples import Samples
from benchmarks.target import Target
from benchmarks.targets import opened

PARAMETERS = "sweep.json"
SAMPLES = "samples.csv"

# After so many in a row that failed, or came warm for cold or cold for warm, a configuration is
# left out of the rest of the run.
MOST_FAILURES = 5


class Job(NamedTuple):
    """What is measured again and again."""

    configuration: Configuration
    mode: str
    cold: bool

    def __str__(self) -> str:
        return f"{self.configuration} {self.mode}{', cold' * self.cold}"


def run(arguments: argparse.Namespace) -> int | str:
    """Sweep, or go on with a sweep, and write its summary."""
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
            report.write(folder, parameters, samples.rows)
    if interrupted:
        print("interrupted: the same command goes on from here")
        raise KeyboardInterrupt
    if given_up:
        return f"sweep: given up after {MOST_FAILURES} failures in a row: {'; '.join(given_up)}"
    return 0


def workload(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what must be the same for samples to be of one sweep."""
    same = {"target": arguments.target, "items": arguments.items, "cost": arguments.cost}
    if arguments.target == "lambda":
        names = ("stack", "endpoint_url", "qualifier")
        same |= {name: getattr(arguments, name) for name in names}
        return {**same, "region": arguments.region or boto3.Session().region_name}
    about = machine()
    del about["load_average"]
    return {**same, "machine": about}


def continued(folder: Path, wanted: dict[str, Any], samples: Samples) -> dict[str, Any]:
    """Return the parameters of the sweep in a folder, which gets these if it has no samples.

    Raises:
        Problem: It has others.
    """
    path = folder / PARAMETERS
    if not samples.rows:
        path.write_text(json.dumps(wanted, indent=1) + "\n")
        return wanted
    found = json.loads(path.read_text())
    if differing := [name for name in wanted if found.get(name) != wanted[name]]:
        details = "; ".join(f"{n} {found.get(n)}, not {wanted[n]}" for n in differing)
        raise Problem(
            f"{folder} holds a sweep of other parameters ({details}): "
            "give the same ones to continue it, or another --output"
        )
    return wanted


def measure(functions: Target, arguments: argparse.Namespace, samples: Samples) -> list[str]:
    """Invoke in rounds until each configuration has its samples; return those given up."""
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
    with Progress(sum(lacking.values())) as progress:
        while lacking:
            # Cold starts first: an environment's first invocation is cold without being forced.
            cold = [job for job in lacking if job.cold]
            for job in filter(lacking.__contains__, cold or list(lacking)):
                progress.about(str(job))
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
    progress: Progress,
) -> None:
    """Take a sample off what is lacking; what was to be warm and came cold counts as cold."""
    got = _job(row)
    if row.good and got in lacking:
        progress.step()
        lacking[got] -= 1
        if not lacking[got]:
            del lacking[got]
    if row.good and got == job:
        failures[job] = 0
        return
    failures[job] += 1
    if not row.good:
        progress.note(f"{job}: {row.error or f'{row.unprocessed} items left undone'}")
    if failures[job] >= MOST_FAILURES:
        lacking.pop(job, None)
