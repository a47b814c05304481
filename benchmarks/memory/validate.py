"""Check each function's answers: one cold invocation, three warm ones of each mode."""

from __future__ import annotations

import argparse
from typing import Any

from benchmarks.grid import Grid
from benchmarks.memory.figures.summary import Row, summarise
from benchmarks.memory.targets.choice import add_target, add_workload, opened
from benchmarks.memory.targets.interface import Target
from benchmarks.memory.targets.invocation import MODES, Configuration, Invocation, Reply
from benchmarks.progress import about, bar

WARM = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_target(parser)
    add_workload(parser)


def run(arguments: argparse.Namespace) -> int | str:
    """Print figures and faults; return a message if there are faults."""
    invocations: list[Invocation] = []
    wrong: dict[Configuration, list[str]] = {}
    with opened(arguments) as functions, bar(len(functions.configurations)) as progress:
        for configuration in functions.configurations:
            about(progress, str(configuration))
            found, problems = check(functions, configuration, arguments.items, arguments.cost)
            invocations += found
            wrong[configuration] = problems
            progress.update()
    rows = [row for row in summarise(invocations) if row.mode == "parallel"]
    print(_grid(rows, wrong).plain())
    for configuration, problems in wrong.items():
        for problem in problems:
            print(f"{configuration}: {problem}")
    failed = sum(map(bool, wrong.values()))
    return f"validate: {failed} of {len(wrong)} configurations failed" if failed else 0


def check(
    functions: Target, configuration: Configuration, items: int, cost: int
) -> tuple[list[Invocation], list[str]]:
    """Return a configuration's invocations and the faults of their answers."""
    functions.make_cold(configuration)
    replies = [
        functions.invoke(configuration, {"mode": mode, "count": items, "cost": cost})
        for mode in (MODES[0], *(mode for _ in range(WARM) for mode in MODES))
    ]
    problems = [] if replies[0].invocation.cold else ["the forced cold start was warm"]
    for reply in replies:
        workers = functions.expected_workers(configuration)
        problems += [f"{reply.invocation.mode}: {p}" for p in _faults(reply, items, cost, workers)]
    for mode in MODES:
        made = next(reply for reply in reversed(replies) if reply.invocation.mode == mode)
        problems += _unverified(functions, configuration, made.answer.get("hashes", []))
    return [reply.invocation for reply in replies], list(dict.fromkeys(problems))


def _faults(reply: Reply, items: int, cost: int, workers: int) -> list[str]:
    """Return the faults of an answer."""
    row, answer = reply
    if row.error:
        return [row.error]
    hashes = answer.get("hashes", [])
    wanted_workers = 1 if row.mode == "sequential" else workers
    wrong_form = sum(not str(made).startswith(f"$2b${cost:02d}$") for made in hashes)
    faults = {
        f"{row.processed} of {items} items processed": row.processed != items,
        f"{len(hashes)} hashes of {items} items": len(hashes) != items,
        f"{wrong_form} hashes of another form or cost": wrong_form > 0,
        "two hashes are equal": len(set(hashes)) != len(hashes),
        f"{row.workers} workers, not {wanted_workers}": row.workers != wanted_workers,
        f"{row.threads_used} threads used of {row.workers}": not (
            1 <= (row.threads_used or 0) <= (row.workers or 0)
        ),
    }
    return [text for text, wrong in faults.items() if wrong]


def _unverified(functions: Target, configuration: Configuration, hashes: list[Any]) -> list[str]:
    """Check that the function verifies its first and last hash, and refuses a wrong password."""
    if not hashes:
        return []
    pairs = [
        {"password": "password_000000", "hash": hashes[0]},
        {"password": f"password_{len(hashes) - 1:06d}", "hash": hashes[-1]},
        {"password": "another", "hash": hashes[0]},
    ]
    reply = functions.invoke(configuration, {"mode": "auto", "verify": pairs})
    if reply.invocation.error:
        return [f"verify: {reply.invocation.error}"]
    matches = reply.answer.get("matches")
    if matches == [True, True, False]:
        return []
    return [f"verify: {matches}, not true for the right password and false for another"]


def _grid(rows: list[Row], wrong: dict[Configuration, list[str]]) -> Grid:
    headings = ["architecture", "MB", "engine", "workers", "INIT ms", "cold ms", "warm P50 ms",
                "speed-up", "per vCPU", "against sequential", "answers"]  # fmt: skip
    lines = [
        [
            *row.configuration,
            row.workers,
            row.init_ms.p50 if row.init_ms else None,
            row.cold_ms.p50 if row.cold_ms else None,
            row.warm_ms.p50 if row.warm_ms else None,
            row.speedup_smallest,
            row.efficiency_vcpu,
            row.speedup_sequential,
            ("wrong" if wrong[row.configuration] else "right")
            + (f"; figures {row.note}" if row.note else ""),
        ]
        for row in rows
    ]
    note = (
        "Speed-up: against the smallest size, also per vCPU (MB / 1769) relative to it; and "
        "against sequential mode at the same memory."
    )
    return Grid(f"One cold invocation, {WARM} warm ones of each mode", headings, lines, note)
