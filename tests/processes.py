"""Run programs of their own: what they do to their process stays there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# Python code that gives threads the smallest stack that the architecture takes.
SMALLEST_STACK = """
import threading
for size in (32 << 10, 64 << 10, 128 << 10):
    try:
        threading.stack_size(size)
        break
    except ValueError:
        pass
"""

# In which of Debian's packages a program is.
PACKAGES = {
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu and libc6-dev-arm64-cross",
    "apache2": "apache2-bin",
    "cc": "gcc",
    "clang": "clang",
    "clang++": "clang",
    "g++": "g++",
    "gcc": "gcc",
    "llvm-mca-22": "llvm-22",
    "nginx": "nginx",
    "objdump": "binutils",
    "qemu-aarch64-static": "qemu-user-static",
    "readelf": "binutils",
    "valgrind": "valgrind",
    "x86_64-linux-gnu-gcc": "gcc-x86-64-linux-gnu",
}
PATIENCE_S = 180  # for what must end; timings decide nothing else


def require(*programs: str) -> None:
    """Skip where one is not installed."""
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed (Debian's {PACKAGES[program]})")


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in a new interpreter and return what came of it."""
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env={**os.environ, **environment},
    )


def check_python(code: str, **environment: str) -> str:
    """Run Python code that must end well and say nothing on standard error; return its output."""
    done = run_python(code, **environment)
    came = f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert (done.returncode, done.stderr) == (0, ""), came
    return done.stdout


def preloading(library: Path) -> str:
    """Return an LD_PRELOAD with this library behind what is preloaded: sanitizers come first."""
    return f"{os.environ.get('LD_PRELOAD', '')} {library}".strip()


def skip_beside_emulators_threads(why: str) -> None:
    """Skip where a new process has more threads than Python's, as under qemu's emulation."""
    if check_python("import os; print(len(os.listdir('/proc/self/task')))") != "1\n":
        pytest.skip(f"an emulator has threads of its own here: {why}")
