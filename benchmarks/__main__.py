"""The command line: `python -m benchmarks COMMAND`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from benchmarks.emulator import Emulator, fetch


def invoke(arguments: argparse.Namespace) -> int | str:
    """Send the handler one event in the emulator and print its answer."""
    if arguments.event:
        try:
            event = json.loads(arguments.event.read_text())
        except (OSError, ValueError) as error:
            return f"invoke: {arguments.event} is no event: {error}"
    else:
        event = {"mode": arguments.mode, "count": arguments.count}
    environment = {"WORKER_COUNT": arguments.worker_count} if arguments.worker_count else {}
    with Emulator(memory_mb=arguments.memory, environment=environment) as emulator:
        try:
            answer = emulator.invoke(event)
        except RuntimeError as error:
            return f"invoke: {error}"
    print(json.dumps(answer, indent=2))
    return 1 if "errorType" in answer else 0


def fetch_emulator(_: argparse.Namespace) -> int:
    """Get the emulator, unless it is there."""
    fetch()
    return 0


def peers(arguments: argparse.Namespace) -> int:
    """Compare bcrypt_batch with its peers on this machine."""
    from benchmarks.peers import report  # needs the peers

    report(arguments.cost, arguments.items, arguments.seconds, arguments.workers, arguments.output)
    return 0


def mca(arguments: argparse.Namespace) -> int | str:
    """Estimate the kernel on other CPUs with llvm-mca."""
    from benchmarks.mca import report

    return report(arguments.mca)


def main() -> int | str:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("invoke", help=invoke.__doc__)
    command.set_defaults(run=invoke)
    command.add_argument("--mode", default="parallel")
    command.add_argument("--count", type=int, default=20)
    command.add_argument("--event", type=Path, help="a JSON file, instead of mode and count")
    command.add_argument("--memory", type=int, default=3538, help="memory size in MB")
    command.add_argument("--worker-count", help="WORKER_COUNT of the function")
    command = commands.add_parser("fetch-emulator", help=fetch_emulator.__doc__)
    command.set_defaults(run=fetch_emulator)
    command = commands.add_parser("peers", help=peers.__doc__)
    command.set_defaults(run=peers)
    command.add_argument("--cost", type=int, default=10)
    command.add_argument(
        "--items", type=int, nargs="+", default=[1, 20, 1000], help="passwords a run"
    )
    command.add_argument(
        "--seconds", type=float, default=60, help="for each batch size; 3 to 40 rounds"
    )
    command.add_argument("--output", type=Path, help="a folder for JSON and a chart")
    command.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    command = commands.add_parser("mca", help=mca.__doc__)
    command.set_defaults(run=mca)
    command.add_argument("--mca", default="llvm-mca-22", help="the program, default %(default)s")
    arguments = parser.parse_args()
    status: int | str = arguments.run(arguments)
    return status


if __name__ == "__main__":
    sys.exit(main())
