"""Check each function's answers: one cold invocation, and three warm invocations of each mode."""

from __future__ import annotations

import argparse
from typing import Any

from benchmarks.memory.targets.choice import add_target, add_workload, opened
from benchmarks.memory.targets.interface import Target
from benchmarks.memory.targets.invocation import MODES, Configuration, Reply
from benchmarks.progress import about, bar

WARM = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_target(parser)
    add_workload(parser)


def run(arguments: argparse.Namespace) -> int | str:
    """Print each configuration's faults; return a message if there are any."""
    failed = 0
    with opened(arguments) as functions, bar(len(functions.configurations)) as progress:
        for configuration in functions.configurations:
            about(progress, str(configuration))
            problems = check(functions, configuration, arguments.items, arguments.cost)
            for said in problems or ["right"]:
                progress.write(f"{configuration}: {said}")
            failed += bool(problems)
            progress.update()
    total = len(functions.configurations)
    return f"validate: {failed} of {total} configurations failed" if failed else 0


def check(functions: Target, configuration: Configuration, items: int, cost: int) -> list[str]:
    """Return the faults of a configuration's answers."""
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
    return list(dict.fromkeys(problems))


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
