"""Send the handler an event in the emulator and print its answer.

With --concurrency, as on Managed Instances, clients send the event many times at once.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from emulator.arguments import positive
from emulator.function import Emulator
from emulator.instance import Instance
from emulator.problem import Problem

LOGIN = Path(__file__).parent.parent / "events" / "verify.json"
MOST = 1600  # concurrent invocations of an environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mode", help="the event's mode (parallel)")
    parser.add_argument("--count", type=positive, help="passwords of the event (20)")
    parser.add_argument("--event", type=Path, help="a JSON file, instead of mode and count")
    parser.add_argument("--memory", type=positive, default=3538, help="memory size in MB")
    parser.add_argument("--worker-count", help="WORKER_COUNT of the function")
    parser.add_argument(
        "--concurrency",
        type=positive,
        help="processes of the environment, as on Managed Instances; the event is then one login, "
        "unless --mode, --count or --event say otherwise",
    )
    parser.add_argument("--clients", type=positive, help="default: as many as --concurrency")
    parser.add_argument(
        "--invocations", type=positive, default=20, help="of each client (%(default)s)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Send the event and print the answer; return 1 if the function raised an error."""
    environment = {"WORKER_COUNT": arguments.worker_count} if arguments.worker_count else {}
    event = read_event(arguments)
    if not arguments.concurrency:
        with Emulator(memory_mb=arguments.memory, environment=environment) as emulator:
            answer = emulator.invoke(event)
        print(json.dumps(answer, indent=2))
        return 1 if "errorType" in answer else 0
    if arguments.concurrency > MOST:
        raise Problem(f"--concurrency must be from 1 to {MOST}, not {arguments.concurrency}")
    clients = arguments.clients or arguments.concurrency
    options = {"memory_mb": arguments.memory, "environment": environment}
    with Instance(arguments.concurrency, **options) as instance:
        answer = instance.invoke(event)
        load = instance.load(event, clients, arguments.invocations)
    print(json.dumps({**load._asdict(), "answer": answer}, indent=2))
    return 1 if load.failed else 0


def read_event(arguments: argparse.Namespace) -> Any:
    """Return the event that the options ask for."""
    if arguments.event:
        try:
            return json.loads(arguments.event.read_text())
        except (OSError, ValueError) as error:
            raise Problem(f"can't read an event from {arguments.event}: {error}") from None
    if arguments.concurrency and not (arguments.mode or arguments.count):
        return {"verify": json.loads(LOGIN.read_text())["verify"][:1]}
    return {"mode": arguments.mode or "parallel", "count": arguments.count or 20}
