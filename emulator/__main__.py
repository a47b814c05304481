"""The command line: `python -m emulator COMMAND`."""

from __future__ import annotations

import argparse
import sys

from emulator import function, invoke
from emulator.problem import Problem
from emulator.signals import raised_as_interrupts

INTERRUPTED = 130


def main() -> int | str:
    parser = argparse.ArgumentParser(prog="python -m emulator", description=__doc__)
    commands = parser.add_subparsers(required=True, dest="command")
    invoke.add_arguments(commands.add_parser("invoke", help=invoke.__doc__))
    commands.add_parser("fetch", help="download the emulator, if missing")
    arguments = parser.parse_args()
    try:
        with raised_as_interrupts():
            if arguments.command == "invoke":
                return invoke.run(arguments)
            function.fetch()
    except Problem as problem:
        return f"{arguments.command}: {problem}"
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
