"""The command line: `python -m benchmarks COMMAND`.

A command is a module of `cpu/` or `memory/`, with `add_arguments` and `run`; its docstring's first
line is its help. Only the chosen command is imported.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import sys
from pathlib import Path

from emulator.problem import Problem

HERE = Path(__file__).parent
ROOMS = ("cpu", "memory")
INTERRUPTED = 130


def commands() -> dict[str, Path]:
    """Return the file of each command."""
    return {
        file.stem.replace("_", "-"): file
        for room in ROOMS
        for file in sorted((HERE / room).glob("*.py"))
        if file.stem != "__init__"
    }


def summary(file: Path) -> str:
    """Return the first line of a module's docstring, without importing it."""
    return (ast.get_docstring(ast.parse(file.read_text())) or "").partition("\n")[0]


def main() -> int | str:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    chooser = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, file in commands().items():
        about = summary(file)
        command = chooser.add_parser(name, help=about, description=about)
        if name == next(iter(sys.argv[1:]), None):
            try:
                module = importlib.import_module(f"benchmarks.{file.parent.name}.{file.stem}")
            except ModuleNotFoundError as error:
                return f"{name}: {error}; pip install --group benchmarks (pip 25.1 or newer)"
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    arguments = parser.parse_args()
    try:
        status: int | str = arguments.run(arguments)
    except Problem as problem:
        return f"{sys.argv[1]}: {problem}"
    except KeyboardInterrupt:
        return INTERRUPTED
    return status


if __name__ == "__main__":
    sys.exit(main())
