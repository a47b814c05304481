"""The benchmarks' commands, each a file that owns its options; what they import is installed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.imports import files, imports
from tests.processes import PROJECT
from tests.test_rooms import NAMES

# What is imported under another name than it is installed by.
DISTRIBUTIONS = {"botocore": "boto3"}


def commands() -> list[Path]:
    found = [file for room in ("cpu", "memory") for file in PROJECT.glob(f"benchmarks/{room}/*.py")]
    return [file for file in found if file.stem != "__init__"]


def test_no_command_imports_another() -> None:
    """What two of them need is in a module of its own."""
    names = {f"benchmarks.{file.parent.name}.{file.stem}" for file in commands()}
    assert len(names) >= 9
    for file in files("benchmarks"):
        for name in imports(file):
            assert not {name, name.rpartition(".")[0]} & names, f"{file} imports {name}"


def test_the_group_of_the_benchmarks_has_what_they_import() -> None:
    groups = tomllib.loads((PROJECT / "pyproject.toml").read_text())["dependency-groups"]

    def wanted(group: str) -> Iterator[str]:
        for entry in groups[group]:
            if isinstance(entry, str):
                yield re.split(r"[^\w-]", entry)[0]
            else:
                yield from wanted(entry["include-group"])

    installed = set(wanted("benchmarks"))
    for file in [*files("benchmarks"), *files("emulator")]:
        for name in imports(file):
            top = name.partition(".")[0]
            if top not in sys.stdlib_module_names and top not in NAMES:
                assert DISTRIBUTIONS.get(top, top) in installed, f"{file} imports {name}"


def test_each_command_says_what_it_takes() -> None:
    """Its options are its own: the command line knows only where commands lie."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--help"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    for file in commands():
        assert f" {file.stem.replace('_', '-')}" in done.stdout
        body = ast.parse(file.read_text()).body
        functions = {node.name for node in body if isinstance(node, ast.FunctionDef)}
        assert functions >= {"add_arguments", "run"}
