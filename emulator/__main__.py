"""The command line: `python -m emulator COMMAND`."""

from __future__ import annotations

import argparse
import signal
import sys

from emulator import function, invoke
from emulator.problem import Problem

INTERRUPTED = 130


def main() -> int | str:
    parser = argparse.ArgumentParser(prog="python -m emulator", description=__doc__)
    commands = parser.add_subparsers(required=True, dest="command")
    invoke.add_arguments(commands.add_parser("invoke", help=invoke.__doc__))
    commands.add_parser("fetch", help="get the emulator, unless it is there")
    arguments = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:  # by which the emulator would stay behind
            signal.signal(number, signal.default_int_handler)
    try:
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
