"""Run mutants: `python -m tests.mutants --help`."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.mutants.lists import InvalidList, Mutant, read
from tests.mutants.trial import OutOfTime, Trials

PROJECT = Path(__file__).parent.parent.parent


def main(arguments: list[str] | None = None, project: Path = PROJECT) -> int:
    """Return 0 if mutants were tried and all are killed, else 1."""
    parser = argparse.ArgumentParser(
        prog="make mutants", description="Break the code in known ways and see its tests fail."
    )
    parser.add_argument("names", nargs="*", help="only mutants whose list or name contains one")
    parser.add_argument("--sample", type=float, metavar="SECONDS", help="stop after so long")
    parser.add_argument(
        "--seed", type=int, default=0, help="begin a sample so many mutants after the first"
    )
    options = parser.parse_args(arguments)
    try:
        listed = read(project / "tests/mutants")
    except InvalidList as error:
        print(error, file=sys.stderr)
        return 1
    chosen = [
        mutant
        for mutant in listed
        if not options.names or any(name in str(mutant) for name in options.names)
    ]
    if not chosen:
        print("no mutant has such a name", file=sys.stderr)
        return 1
    start = options.seed % len(chosen)
    seconds = float("inf") if options.sample is None else options.sample
    trials = Trials(project, project / "build/mutants", seconds)
    return _run(trials, chosen[start:] + chosen[:start])


def _run(trials: Trials, mutants: list[Mutant]) -> int:
    tried = killed = 0
    for mutant in mutants:
        began = time.monotonic()
        try:
            verdict = trials.judge(mutant)
        except OutOfTime:
            break
        tried += 1
        killed += verdict.killed
        seconds = time.monotonic() - began
        print(f"{mutant.source}: {mutant.name}: {verdict} ({seconds:.0f} s)", flush=True)
    print(f"{killed} of {tried} killed" + f", of {len(mutants)} listed" * (tried < len(mutants)))
    return 0 if 0 < tried == killed else 1


if __name__ == "__main__":
    sys.exit(main())
