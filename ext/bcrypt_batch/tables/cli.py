"""`bcrypt-batch`, also `python -m bcrypt_batch`."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence

import bcrypt_batch

from .commands import bulk, export, info, inspect, serve, table
from .interrupts import Interrupts
from .messages import PROGRAM, STDOUT, discard, say
from .newfiles import OutputRefused
from .parser import Parser

USAGE = 2
STATUS = """\
exit status:
  0               all rows done
  1               all rows done, some in error or not matching
  2               wrong usage, or a file that can't be read or written
  3               incomplete: a deadline, a full disk; --resume goes on
  130, 143, 129   stopped by Ctrl-C, SIGTERM, SIGHUP; --resume goes on"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = Parser(
        prog=PROGRAM,
        description="Hash and check the bcrypt passwords of whole tables.",
        epilog=STATUS,
        examples=(
            "bcrypt-batch hash users.csv -o hashed.jsonl --cost 12",
            "bcrypt-batch verify pairs.csv --hash-column stored -o checked.jsonl",
            "bcrypt-batch hash --help",
        ),
    )
    top.add_argument("--version", action="version", version=f"{PROGRAM} {bcrypt_batch.__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (table, inspect, export, info, bulk, serve):
        module.add(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # file names can have any characters
        sys.stdout.reconfigure(errors="backslashreplace")
    interrupts = Interrupts()
    with interrupts.raised():
        try:
            return _execute(parser().parse_args(arguments), interrupts)
        except KeyboardInterrupt:
            say(f"incomplete: stopped by {interrupts.name}")
            return interrupts.status


def _execute(options: argparse.Namespace, interrupts: Interrupts) -> int:
    try:
        status: int = options.execute(options, interrupts)
    except (OutputRefused, ValueError) as error:
        say(str(error))
        return USAGE
    except BrokenPipeError:
        # The reader has closed the pipe. Python must not fail on it again at exit.
        discard(STDOUT)
        return 141
    except OSError as error:
        # An input or output can't be opened: report its name and the system's error.
        name = f"{error.filename}: " if error.filename else ""
        say(f"{name}{error.strerror or type(error).__name__}")
        return USAGE
    return status
