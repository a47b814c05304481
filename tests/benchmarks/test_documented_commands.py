"""The documents' commands for make and the benchmarks exist, with their options."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import tomllib

import pytest

import benchmarks.__main__
from benchmarks.cpu.peers import Node
from tests.documents import PROJECT, block, commands

# What `make test ARGS=...` passes on to a make below it.
GIVEN_TO_MAKE = {"MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "ARGS"}
COMMANDS = (
    block("README.md", "make"),
    block("docs/measured.md", "emulator"),
    block("docs/measured.md", "cold-starts"),
    block("benchmarks/README.md", "peers"),
    block("benchmarks/README.md", "small"),
    block("benchmarks/README.md", "logins"),
    block("benchmarks/README.md", "pages"),
    block("benchmarks/README.md", "account"),
    block("benchmarks/README.md", "choosing"),
    block("benchmarks/README.md", "emulator"),
)


def of_benchmarks(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    """Let a benchmark's own parser read a command's options."""
    name = words[0].replace("-", "_")
    room = benchmarks.__main__.commands()[words[0]].parent.name
    module = importlib.import_module(f"benchmarks.{room}.{name}")
    monkeypatch.setattr(module, "run", lambda _: 77)
    monkeypatch.setattr(sys, "argv", ["benchmarks", *words])
    assert benchmarks.__main__.main() == 77


@pytest.mark.parametrize(
    "words", [words for text in COMMANDS for words in commands(text)], ids=" ".join
)
def test_it_is_a_command(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its targets, options and groups exist."""
    program, *rest = (word for word in words if not word.startswith("PATH="))
    if program == "make":
        ours = {name: value for name, value in os.environ.items() if name not in GIVEN_TO_MAKE}
        command = ["make", "--dry-run", *rest]
        done = subprocess.run(command, cwd=PROJECT, env=ours, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        for given in re.findall(r"python -m benchmarks (.+)", done.stdout):
            of_benchmarks(monkeypatch, given.split())
    elif program == "npm":
        assert rest[:2] == ["install", "--prefix"]
        folder, package = PROJECT / rest[2] / "node_modules", rest[3].rpartition("@")[0]
        assert folder == Node.MODULES
        assert package in str(Node.__doc__)
    elif program == "pip":
        groups = tomllib.loads((PROJECT / "pyproject.toml").read_text())["dependency-groups"]
        assert rest[:2] == ["install", "--group"]
        assert rest[2] in groups
    else:
        assert program in ("python", ".venv/bin/python")
        assert rest[:2] == ["-m", "benchmarks"]
        of_benchmarks(monkeypatch, rest[2:])
