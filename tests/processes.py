"""Run programs of their own: what they do to their process stays there.

A program of more than INLINE_STATEMENTS is a file of tests/programs; test_programs.py holds that.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
# The Debian package of each program.
PACKAGES = {
    "ab": "apache2-utils",
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu and libc6-dev-arm64-cross",
    "apache2": "apache2-bin",
    "cc": "gcc",
    "clang": "clang",
    "clang++": "clang",
    "g++": "g++",
    "gcc": "gcc",
    "git": "git",
    "htpasswd": "apache2-utils",
    "jq": "jq",
    "llvm-mca-22": "llvm-22",
    "mariadb": "mariadb-client-core",
    "mariadbd": "mariadb-server-core",
    "musl-gcc": "musl-tools",
    "nginx": "nginx",
    "node": "nodejs",
    "objdump": "binutils",
    "php": "php-cli",
    "psql": "postgresql",
    "qemu-aarch64-static": "qemu-user-static",
    "readelf": "binutils",
    "systemd-analyze": "systemd",
    "unshare": "util-linux",
    "valgrind": "valgrind",
    "x86_64-linux-gnu-gcc": "gcc-x86-64-linux-gnu",
}
PROGRAMS = PROJECT / "tests" / "programs"
PATIENCE_S = 180  # for programs that must end; no other timing decides a test
INLINE_STATEMENTS = 4


def require(*programs: str) -> None:
    """Skip if a program isn't installed."""
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed (Debian's {PACKAGES[program]})")


def require_library(library: str) -> None:
    """Skip if a library is missing; don't import it, because eventlet then warns of each fork."""
    if not find_spec(library):
        pytest.skip(f"{library} is not installed (group servers)")


def program(name: str, *arguments: object) -> list[str]:
    """Return the command that runs tests/programs/NAME.py, in the folder PROJECT."""
    module = f"tests.programs.{name.replace('/', '.')}"
    return [sys.executable, "-m", module, *map(str, arguments)]


def run(command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in this environment with some variables more; return what came of it."""
    return subprocess.run(
        command,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env={**os.environ, **environment},
    )


def check(command: list[str], **environment: str) -> str:
    """Run a command that must end well and say nothing on standard error; return its output."""
    done = run(command, **environment)
    came = f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert (done.returncode, done.stderr) == (0, ""), came
    return done.stdout


def run_program(
    name: str, *arguments: object, **environment: str
) -> subprocess.CompletedProcess[str]:
    return run(program(name, *arguments), **environment)


def check_program(name: str, *arguments: object, **environment: str) -> str:
    return check(program(name, *arguments), **environment)


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run([sys.executable, "-c", code], **environment)


def check_python(code: str, **environment: str) -> str:
    return check([sys.executable, "-c", code], **environment)


def preloading(library: Path) -> str:
    """Return an LD_PRELOAD with this library last, because sanitizers must come first."""
    return f"{os.environ.get('LD_PRELOAD', '')} {library}".strip()


def skip_beside_emulators_threads(why: str) -> None:
    """Skip if a new process has more threads than Python's, as under qemu."""
    if check_python("import os; print(len(os.listdir('/proc/self/task')))") != "1\n":
        pytest.skip(f"an emulator has threads of its own here: {why}")
