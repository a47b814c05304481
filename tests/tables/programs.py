"""Run the command line as a person would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from bcrypt_batch.tables.cli import main

COMMAND = (sys.executable, "-m", "bcrypt_batch")


def hash_of(file: Path, output: Path, *options: str) -> int:
    """Hash a table in this process; return the exit status."""
    arguments = ["hash", file, "--output", output, "--cost", "4", "--quiet", *options]
    return main([str(argument) for argument in arguments])


def start(*arguments: str | Path, **options: Any) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    options = {"stdin": pipe, "stdout": pipe, "stderr": pipe, **options}
    return subprocess.Popen([*COMMAND, *map(str, arguments)], **options)


def run(
    *arguments: str | Path, stdin: bytes = b"", **options: Any
) -> subprocess.CompletedProcess[bytes]:
    with start(*arguments, **options) as process:
        out, err = process.communicate(stdin, timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def succeed(*arguments: str | Path, status: int = 0, **options: Any) -> str:
    """Run a command that must end with this status; return its standard error."""
    done = run(*arguments, **options)
    assert done.returncode == status, (done.args, done.returncode, done.stderr.decode())
    return done.stderr.decode()


def wait_for_lines(file: Path, lines: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until a file has so many lines."""
    import time

    for _ in range(6000):
        if file.exists() and file.read_bytes().count(b"\n") >= lines:
            return
        assert process.poll() is None, (process.returncode, process.communicate())
        time.sleep(0.01)
    raise TimeoutError(f"{file} has not got {lines} lines")


def shell(text: str, folder: Path, **environment: str) -> int:
    """Run documented commands in a folder, at cost 4; return the status of the last one."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    text = text.replace("bcrypt-batch hash ", "bcrypt-batch hash --cost 4 ")
    done = subprocess.run(
        text, shell=True, cwd=folder, env={**os.environ, "PATH": path, **environment},
        capture_output=True, timeout=300,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    return done.returncode
