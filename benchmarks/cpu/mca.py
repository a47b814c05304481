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


class Cpu(NamedTuple):
    """A CPU as llvm-mca knows it; `dispatch`, if given, replaces LLVM's width."""

    name: str
    mcpu: str
    dispatch: int | None = None


class Target(NamedTuple):
    """An architecture: its compiler, its variants, and the CPUs to simulate."""

    triple: str
    compiler: str
    variants: tuple[str, ...]
    cpus: tuple[Cpu, ...]


def variants_of(architecture: str) -> tuple[str, ...]:
    """Return the names of the kernel's variants, by its files."""
    names = sorted(file.stem.removeprefix("lanes_") for file in KERNEL.glob("lanes_*.c"))
    own = (name for name in names if name.startswith(architecture) and not name.endswith("_few"))
    return ("portable", *own)


TARGETS = (
    Target(
        "x86_64-linux-gnu",
        "x86_64-linux-gnu-gcc",
        variants_of("x86_64"),
        tuple(Cpu(name, name) for name in ("skylake-avx512", "icelake-server", "znver3", "znver4")),
    ),
    Target(
        "aarch64-linux-gnu",
        "aarch64-linux-gnu-gcc",
        variants_of("aarch64"),
        (
            Cpu("neoverse-n1", "neoverse-n1"),
            Cpu("n1, 4 wide", "neoverse-n1", dispatch=4),
            Cpu("neoverse-v1", "neoverse-v1"),
        ),
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


def simulate(loop: list[str], target: Target, cpu: Cpu, mca: str) -> float:
    """Return the cycles of one pass through a loop."""
    command = [mca, f"-mtriple={target.triple}", f"-mcpu={cpu.mcpu}", f"-iterations={ITERATIONS}"]
    command += ["-instruction-info=0", "-resource-pressure=0"]
    if cpu.dispatch:
        command.append(f"-dispatch={cpu.dispatch}")
    done = subprocess.run(
        command, input="\n".join(loop) + "\n", capture_output=True, text=True, check=True
    )
    cycles = re.search(r"Total Cycles:\s+(\d+)", done.stdout)
    assert cycles, done.stdout
    return int(cycles[1]) / ITERATIONS


def grid(target: Target, mca: str) -> Grid:
    """Return one architecture: instructions and cycles per round and lane."""
    lines = []
    for variant in target.variants:
        assembly = compile_variant(target, variant)
        for lanes in lane_counts(assembly):
            loop = hot_loop(assembly, f"advance_{lanes}")
            rounds = ROUNDS * lanes
            cycles = [simulate(loop, target, cpu, mca) / rounds for cpu in target.cpus]
            lines.append([variant, lanes, len(loop) / rounds, *cycles])
    headings = ["variant", "lanes", "instructions", *(cpu.name for cpu in target.cpus)]
    return Grid(target.triple, headings, lines)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mca", default="llvm-mca-22", help="the program, default %(default)s")


def run(arguments: argparse.Namespace) -> int | str:
    """Print the grids of all architectures whose compiler is here."""
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
