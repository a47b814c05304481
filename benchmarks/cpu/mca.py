"""Estimate the kernel's speed on other CPUs, with llvm-mca.

Compiles each variant to assembly, extracts the loop of the key schedule from `advance_<lanes>` (16
unrolled rounds of each lane), and simulates it with LLVM's scheduling models. The models have
neither caches nor branch prediction: the figures compare programs and don't predict times. For a
Neoverse N1, LLVM assumes three instructions a cycle, Arm's optimisation guide says four; the table
has both.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from benchmarks.grid import Grid

KERNEL = Path(__file__).parent.parent.parent / "ext" / "kernel"
FLAGS = ["-std=c11", "-O2", "-fPIC"]  # as the extension is compiled
ROUNDS = 16
ITERATIONS = 200

LABEL = re.compile(r"^([\w.$]+):")
BRANCH = re.compile(r"^\t(?:b\.?\w\w|b|j\w+|cbn?z|tbn?z)\t(?:.*,\s*)?(\.L\w+)")
ADVANCE = re.compile(r"^advance_(\d+):")
INSTRUCTION = re.compile(r"^\s+[a-z]")


class Target(NamedTuple):
    """An architecture, and llvm-mca's options for each CPU to simulate."""

    architecture: str
    cpus: dict[str, tuple[str, ...]]

    @property
    def triple(self) -> str:
        return f"{self.architecture}-linux-gnu"

    @property
    def compiler(self) -> str:
        return f"{self.triple}-gcc"

    @property
    def variants(self) -> list[str]:
        """The names of the kernel's variants, by its files."""
        names = sorted(file.stem.removeprefix("lanes_") for file in KERNEL.glob("lanes_*.c"))
        own = (n for n in names if n.startswith(self.architecture) and not n.endswith("_few"))
        return ["portable", *own]


TARGETS = (
    Target(
        "x86_64",
        {
            cpu: (f"-mcpu={cpu}",)
            for cpu in ("skylake-avx512", "icelake-server", "znver3", "znver4")
        },
    ),
    Target(
        "aarch64",
        {
            "neoverse-n1": ("-mcpu=neoverse-n1",),
            "n1, 4 wide": ("-mcpu=neoverse-n1", "-dispatch=4"),
            "neoverse-v1": ("-mcpu=neoverse-v1",),
        },
    ),
)


def compile_variant(target: Target, variant: str) -> list[str]:
    """Return a variant's assembly, line by line."""
    lines = []
    for source in sorted(KERNEL.glob(f"lanes_{variant}*.c")):
        command = [target.compiler, *FLAGS, "-S", "-o", "-", str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        lines += done.stdout.splitlines()
    return lines


def lane_counts(assembly: list[str]) -> list[int]:
    """Return the lane counts that a variant's own files have."""
    return sorted(int(found[1]) for line in assembly if (found := ADVANCE.match(line)))


def hot_loop(assembly: list[str], function: str) -> list[str]:
    """Return the instructions of a function's longest innermost loop."""
    start = next(i for i, line in enumerate(assembly) if line.startswith(f"{function}:"))
    end = next(i for i, line in enumerate(assembly) if line.startswith(f"\t.size\t{function},"))
    body = assembly[start:end]
    labels: dict[str, int] = {}
    loops: list[tuple[int, int]] = []
    for i, line in enumerate(body):
        if label := LABEL.match(line):
            labels[label[1]] = i
        elif (branch := BRANCH.match(line)) and branch[1] in labels:
            loops.append((labels[branch[1]], i))
    innermost = [
        (first, last)
        for first, last in loops
        if not any(first <= a and b <= last and (a, b) != (first, last) for a, b in loops)
    ]
    first, last = max(innermost, key=lambda loop: loop[1] - loop[0])
    return [line for line in body[first : last + 1] if INSTRUCTION.match(line)]


def simulate(loop: list[str], target: Target, cpu: str, mca: str) -> float:
    """Return the cycles of one pass through a loop."""
    command = [mca, f"-mtriple={target.triple}", *target.cpus[cpu], f"-iterations={ITERATIONS}"]
    command += ["-instruction-info=0", "-resource-pressure=0"]
    done = subprocess.run(
        command, input="\n".join(loop) + "\n", capture_output=True, text=True, check=True
    )
    cycles = re.search(r"Total Cycles:\s+(\d+)", done.stdout)
    assert cycles, done.stdout
    return int(cycles[1]) / ITERATIONS


def grid(target: Target, mca: str) -> Grid:
    """Return the grid of one architecture: instructions and cycles per round and lane."""
    lines = []
    for variant in target.variants:
        assembly = compile_variant(target, variant)
        for lanes in lane_counts(assembly):
            loop = hot_loop(assembly, f"advance_{lanes}")
            rounds = ROUNDS * lanes
            cycles = [simulate(loop, target, cpu, mca) / rounds for cpu in target.cpus]
            lines.append([variant, lanes, len(loop) / rounds, *cycles])
    headings = ["variant", "lanes", "instructions", *target.cpus]
    return Grid(target.triple, headings, lines)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mca", default="llvm-mca-22", help="the program, default %(default)s")


def run(arguments: argparse.Namespace) -> int | str:
    """Print the grids of all architectures whose compiler is installed."""
    mca: str = arguments.mca
    if not shutil.which(mca):
        return f"{mca} is not installed (Debian: llvm-22; --mca names another)"
    version = subprocess.run([mca, "--version"], capture_output=True, text=True, check=True)
    print(next(line.strip() for line in version.stdout.splitlines() if "version" in line))
    print("per round of one lane: instructions in the hot loop, and cycles by LLVM's model\n")
    for target in TARGETS:
        if not shutil.which(target.compiler):
            print(f"{target.compiler} is not installed\n")
            continue
        print(grid(target, mca).plain())
    return 0
