"""Run programs of their own: what they do to their process stays there."""

from __future__ import annotations

import os
import subprocess
import sys

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

PATIENCE_S = 180  # for what must end; timings decide nothing else


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


def skip_beside_emulators_threads(why: str) -> None:
    """Skip where a new process has more threads than Python's, as under qemu's emulation."""
    if check_python("import os; print(len(os.listdir('/proc/self/task')))") != "1\n":
        pytest.skip(f"an emulator has threads of its own here: {why}")
