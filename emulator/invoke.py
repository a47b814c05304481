"""Send the handler one event in the emulator and print its answer."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from emulator.function import Emulator
from emulator.problem import Problem


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mode", default="parallel")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--event", type=Path, help="a JSON file, instead of mode and count")
    parser.add_argument("--memory", type=int, default=3538, help="memory size in MB")
    parser.add_argument("--worker-count", help="WORKER_COUNT of the function")


def run(arguments: argparse.Namespace) -> int:
    """Return 1 if the function raised an error."""
    if arguments.event:
        try:
            event = json.loads(arguments.event.read_text())
        except (OSError, ValueError) as error:
            raise Problem(f"can't read an event from {arguments.event}: {error}") from None
    else:
        event = {"mode": arguments.mode, "count": arguments.count}
    environment = {"WORKER_COUNT": arguments.worker_count} if arguments.worker_count else {}
    with Emulator(memory_mb=arguments.memory, environment=environment) as emulator:
        answer = emulator.invoke(event)
    print(json.dumps(answer, indent=2))
    return 1 if "errorType" in answer else 0
