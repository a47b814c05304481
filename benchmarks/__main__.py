"""The command line: `python -m benchmarks COMMAND`."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import Any

from benchmarks.problem import Problem

INTERRUPTED = 130


def invoke(commands: Any) -> None:
    command = add(commands, "invoke", "send the handler one event in the emulator")
    command.add_argument("--mode", default="parallel")
    command.add_argument("--count", type=int, default=20)
    command.add_argument("--event", type=Path, help="a JSON file, instead of mode and count")
    command.add_argument("--memory", type=int, default=3538, help="memory size in MB")
    command.add_argument("--worker-count", help="WORKER_COUNT of the function")


def fetch_emulator(commands: Any) -> None:
    add(commands, "fetch-emulator", "get the emulator, unless it is there", module="emulator")


def peers(commands: Any) -> None:
    command = add(commands, "peers", "compare bcrypt_batch with its peers on this machine")
    command.add_argument("--cost", type=int, default=10)
    command.add_argument(
        "--items", type=int, nargs="+", default=[1, 20, 1000], help="passwords a run"
    )
    command.add_argument(
        "--seconds", type=float, default=60, help="for each batch size; 3 to 40 rounds"
    )
    command.add_argument("--output", type=Path, help="a folder for JSON and a chart")
    command.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))


def mca(commands: Any) -> None:
    command = add(commands, "mca", "estimate the kernel on other CPUs with llvm-mca")
    command.add_argument("--mca", default="llvm-mca-22", help="the program, default %(default)s")


def add(commands: Any, name: str, what: str, module: str = "") -> Any:
    """Add a command; its work is `run` in the module of its name."""
    command = commands.add_parser(name, help=what, description=f"{what}.")
    command.set_defaults(module=module or name.replace("-", "_"))
    return command


def main() -> int | str:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for add_command in (invoke, fetch_emulator, peers, mca):
        add_command(commands)
    arguments = parser.parse_args()
    try:
        status: int | str = importlib.import_module(f"benchmarks.{arguments.module}").run(arguments)
    except Problem as problem:
        return f"{arguments.module.replace('_', '-')}: {problem}"
    except KeyboardInterrupt:
        return INTERRUPTED
    return status


if __name__ == "__main__":
    sys.exit(main())
