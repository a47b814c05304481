"""Compare cold starts of the handler with the layer and of an empty handler, in the emulator.

Layer and function are installed as on Lambda, with the bytecode that their builds made, if any, and
Python writes no other bytecode. The measured interpreters compile the function's bytecode. The
package's import alone is measured in the same turns, in its own interpreter.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from benchmarks.grid import Grid
from benchmarks.machine import machine
from emulator.arguments import positive
from emulator.function import Emulator
from emulator.problem import Problem
from emulator.runtime import HANDLER

EMPTY = "def handler(event, context):\n    return {}\n"
VERSION = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
IMPORT = """
from time import perf_counter
started = perf_counter()
import bcrypt_batch
print((perf_counter() - started) * 1000)
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("layer", type=Path, help="layer-ARCH.zip, as build_layer.sh makes it")
    parser.add_argument(
        "--pythons", nargs="+", default=[sys.executable], help="interpreters with awslambdaric"
    )
    parser.add_argument("--starts", type=positive, default=20, help="of each (%(default)s)")
    parser.add_argument("--memory", type=positive, default=3538, help="MB (%(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """Let both handlers take turns on each Python, and print the times of their Init phases."""
    pythons = [interpreter(name) for name in arguments.pythons]
    if not zipfile.is_zipfile(arguments.layer):
        raise Problem(f"there is no layer {arguments.layer}; build_layer.sh makes one")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with zipfile.ZipFile(arguments.layer) as archive:
            archive.extractall(root / "opt")
        (root / "ours").mkdir()
        build(root / "ours", pythons)
        (root / "empty").mkdir()
        (root / "empty" / "app.py").write_text(EMPTY)
        rows = [row(root, python, arguments.starts, arguments.memory) for python in pythons]
    here = machine()
    headings = [
        *("Python", "empty handler, ms: min / median", "from the layer", "difference"),
        "import bcrypt_batch",
    ]
    about = f"{here['cpu']}, {here['date']}, commit {here['commit']}"
    print(Grid("Cold starts", headings, rows, about).markdown())
    return 0


def interpreter(name: str) -> str:
    """Return an interpreter's absolute path: the emulator runs it in another folder."""
    found = shutil.which(name)
    if not found:
        raise Problem(f"--pythons: there is no interpreter {name}")
    return os.path.abspath(found)


def build(folder: Path, pythons: list[str]) -> None:
    """Make a function's folder as sam build does."""
    variables = [f"ARTIFACTS_DIR={folder}", f"PYTHONS={' '.join(pythons)}"]
    make = ["make", "--silent", "-C", str(HANDLER), "build-Function"]
    subprocess.run([*make, *variables], check=True)


def row(root: Path, python: str, starts: int, memory_mb: int) -> list[str]:
    """Return one Python's line of the table."""
    version = subprocess.run([python, "-c", VERSION], capture_output=True, text=True, check=True)
    times: dict[str, list[float]] = {"empty": [], "ours": [], "import": []}
    for _ in range(starts):
        for name in ("empty", "ours"):
            times[name].append(init_ms(root, name, python, memory_mb))
        times["import"].append(import_ms(root, python))
    least = {name: min(own) for name, own in times.items()}
    median = {name: statistics.median(own) for name, own in times.items()}
    cells = {name: f"{least[name]:.1f} / {median[name]:.1f}" for name in times}
    differences = [figures["ours"] - figures["empty"] for figures in (least, median)]
    difference = " / ".join(f"{difference:.1f}" for difference in differences)
    return [version.stdout.strip(), cells["empty"], cells["ours"], difference, cells["import"]]


def init_ms(root: Path, name: str, python: str, memory_mb: int) -> float:
    with Emulator(
        memory_mb=memory_mb,
        environment={"PYTHONDONTWRITEBYTECODE": "1"},
        task=root / name,
        path=str(root / "opt" / "python"),
        python=python,
    ) as emulator:
        emulator.invoke({"count": 1, "cost": 4})
        return emulator.init_ms


def import_ms(root: Path, python: str) -> float:
    environment = {"PYTHONPATH": str(root / "opt" / "python"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [python, "-c", IMPORT]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)
