"""Run build_layer.sh and publish_layer.sh as a person would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.processes import PROGRAMS
from tests.processes import PROJECT as PROJECT

PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text())
PYTHONS: list[str] = PYPROJECT["tool"]["bcrypt-batch"]["pythons"]  # that layers are for
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}  # what uname and wheels call an architecture

NEIGHBOURS = (PROGRAMS / "deployment/neighbours.py").read_text()


class Layer(NamedTuple):
    """The files that build_layer.sh writes.

    Attributes:
        file: The zip.
        about: The JSON beside it.
    """

    file: Path
    about: dict[str, Any]

    def extract(self, folder: Path) -> Path:
        """Extract the layer as in /opt; return the folder for PYTHONPATH."""
        with zipfile.ZipFile(self.file) as archive:
            archive.extractall(folder)
        return folder / "python"


def read(folder: Path, architecture: str) -> Layer:
    """Return the layer that is in a folder."""
    about = json.loads((folder / f"layer-{architecture}.json").read_text())
    return Layer(folder / about["file"], about)


def other_pythons() -> str:
    """Return the folders of the Pythons that are installed beside this one, as pyenv has them."""
    beside = Path(sys.base_prefix).parent.glob("*/bin/python3.1[1-9]")
    return ":".join(sorted({str(python.parent) for python in beside}))


def flags(bytecode: bytes) -> int:
    """Return the field of a pyc file that says how it is validated; see PEP 552."""
    return int.from_bytes(bytecode[4:8], "little")


UNCHECKED_HASH = 1  # valid whatever its source


def run(
    *command: str | Path, environment: Mapping[str, str] | None = None, cwd: Path = PROJECT
) -> subprocess.CompletedProcess[str]:
    """Run a command with this environment's programs first on PATH; the result has its output.

    The other installed Pythons follow on PATH, to make bytecode.
    """
    path = f"{Path(sys.prefix) / 'bin'}:{other_pythons()}:{os.environ['PATH']}"
    return subprocess.run(
        command,
        env={**os.environ, "PATH": path, "PYTHON": sys.executable, **(environment or {})},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def succeed(*command: str | Path, **options: Any) -> str:
    """Run a command that must succeed; return its output."""
    done = run(*command, **options)
    assert done.returncode == 0, f"{command}:\n{done.stdout[-2000:]}\n{done.stderr[-6000:]}"
    return done.stdout
