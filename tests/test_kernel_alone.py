"""The kernel without Python: with each compiler and level, and for aarch64 under qemu."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.examples import thorough
from tests.kernels import COMPILER, WARNINGS, CompileKernel, Vector, driver_input, vectors
from tests.processes import PROGRAMS, require

KERNEL = Path(__file__).parent.parent / "ext" / "kernel"
DRIVER = Path(__file__).parent / "kernel_driver.c"
STRICT = ["-Wconversion", *WARNINGS, f"-I{KERNEL}", "-pthread"]
STACK_BYTES = 4096  # promised by kernel.h

AARCH64 = "aarch64-linux-gnu-gcc"
RUNNERS = {AARCH64: ["qemu-aarch64-static"]}

# Every level must compile: constants in the assembly need unrolled loops, and -O0 unrolls least.
# clang's -Og is its -O1, and its -Oz unrolls less than -Os.
LEVELS = [
    (COMPILER, "-O0"),
    *(("gcc", level) for level in ("-Og", "-O1", "-O2", "-Os")),
    *(("clang", level) for level in ("-O0", "-Og", "-O2", "-Os", "-Oz", "-O3")),
    *((AARCH64, level) for level in ("-Og", "-O1", "-O2")),
]


def drive(command: list[str | Path], items: list[Vector]) -> Counter[str]:
    """Run the driver, which must print each item's hash; count the lane counts by variant."""
    done = subprocess.run(command, input=driver_input(items), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")

    expected = [hashed.decode() for _, hashed in items]
    rows = [line.split() for line in done.stdout.splitlines()]
    groups = Counter((variant, lanes) for variant, lanes, _ in rows)
    assert set(groups.values()) == {len(expected)}
    assert [hashed for *_, hashed in rows] == expected * len(groups)
    return Counter(variant for variant, _ in groups)


def stack_usage(folder: Path) -> Counter[str]:
    """Return the largest frame of each function of the kernel, from the compiler's report."""
    usage: Counter[str] = Counter()
    for path in folder.glob("*.su"):
        for line in path.read_text().splitlines():
            place, size, _ = line.split("\t")
            function = place.rsplit(":", 1)[1]
            usage[function] = max(usage[function], int(size))
    return usage


def variants_of_this_machine() -> dict[str, int]:
    """The variants that this CPU supports, and their lane counts, by the extension's own build."""
    from bcrypt_batch import _native, kernels

    return {name: _native.max_lanes(name) for name in kernels().supported}


@thorough
@pytest.mark.parametrize(("compiler", "level"), LEVELS)
def test_each_level_of_optimisation(
    compiler: str, level: str, compile_kernel: CompileKernel, tmp_path: Path
) -> None:
    """The self-test, known answers through every variant and lane count, and the stack."""
    runner = RUNNERS.get(compiler, [])
    require(compiler, *runner)
    # clang -O0 makes no displacement constant, and has no way to optimise a single file.
    variants = variants_of_this_machine()
    if (compiler, level) == ("clang", "-O0"):
        variants = {"portable": 8}
    if runner:
        variants = {"aarch64": 8, "portable": 8}
    folder, program = compile_kernel(compiler, level), tmp_path / "driver"
    flags = ["-std=c11", level, *STRICT, *["-static"] * bool(runner)]
    subprocess.run([compiler, *flags, DRIVER, *folder.glob("*.o"), "-o", program], check=True)
    known = [(p, hashed) for p, hashed in vectors() if hashed[4:6] <= b"06"]  # not all day
    known = known if level != "-O0" else known[:8]
    assert drive([*runner, program], known) == variants

    usage = stack_usage(folder)
    passes = usage.pop("passes", 0) + usage.pop("bb_self_test")
    deepest = passes + usage.pop("bb_group_advance") + usage.pop("finish", 0) + max(usage.values())
    assert deepest <= STACK_BYTES, (passes, usage.most_common(3))


def test_what_is_wiped(compile_kernel: CompileKernel, tmp_path: Path) -> None:
    """It wipes all of the state and nothing else; test_hardening.py finds the calls."""
    require("gcc")
    program = tmp_path / "wipes"
    objects = compile_kernel("gcc", "-O0").glob("*.o")
    flags = ["-std=c11", *STRICT]
    subprocess.run(["gcc", *flags, PROGRAMS / "wipes.c", *objects, "-o", program], check=True)
    assert subprocess.run([program]).returncode == 0


@pytest.mark.parametrize("compiler", [("gcc", "g++"), ("clang", "clang++")])
def test_from_cpp(compiler: tuple[str, str], compile_kernel: CompileKernel, tmp_path: Path) -> None:
    """kernel.h is valid C++, where its functions have C linkage."""
    require(*compiler)
    password, hashed = vectors()[0]
    program = tmp_path / "program"
    source = PROGRAMS / "caller.cpp"
    c, cpp = compiler
    objects = compile_kernel(c, "-O0").glob("*.o")
    flags = ["-std=c++17", *STRICT]
    subprocess.run([cpp, *flags, source, *objects, "-o", program], check=True)
    done = subprocess.run([str(program), password.decode(), hashed.decode()], capture_output=True)
    assert (done.returncode, done.stdout) == (0, hashed)
