"""The engine's drivers, which run it without Python."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.kernels import CompileKernel
from tests.processes import PATIENCE_S, PROJECT, require


def counts(
    name: str,
    compiler: str,
    flags: list[str],
    compile_kernel: CompileKernel,
    folders: pytest.TempPathFactory,
) -> list[str]:
    """Compile NAME_driver.c with the kernel, run it, and return the lines that it prints."""
    require(compiler)
    program = folders.mktemp(name) / "driver"
    source = Path(__file__).parent / f"{name}_driver.c"
    include = [f"-I{PROJECT / 'ext' / room}" for room in ("engine", "kernel")]
    objects = compile_kernel(compiler, "-O0").glob("*.o")
    given = ["-std=c11", "-pthread", *flags, *include]
    subprocess.run([compiler, *given, source, *objects, "-o", program], check=True)
    done = subprocess.run([program], capture_output=True, text=True, timeout=PATIENCE_S)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()
