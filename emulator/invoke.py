"""Send the handler one event in the emulator and print its answer."""

from __future__ import annotations

import argparse
import json

from benchmarks.emulator import Emulator
from benchmarks.problem import Problem


def run(arguments: argparse.Namespace) -> int:
    """Return 1 where the function raised an error."""
    if arguments.event:
        try:
            event = json.loads(arguments.event.read_text())
        except (OSError, ValueError) as error:
            raise Problem(f"{arguments.event} is no event: {error}") from None
    else:
        event = {"mode": arguments.mode, "count": arguments.count}
    environment = {"WORKER_COUNT": arguments.worker_count} if arguments.worker_count else {}
    with Emulator(memory_mb=arguments.memory, environment=environment) as emulator:
        answer = emulator.invoke(event)
    print(json.dumps(answer, indent=2))
    return 1 if "errorType" in answer else 0
