"""Processes that each check one password at a time, as the workers of a server do.

`python -m benchmarks.processes WAY HASH SOCKET` is one such process: it checks once for each byte
that it reads, and then writes a byte. `page` is for the workers of a real server.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from queue import SimpleQueue
from typing import Any

import bcrypt

import bcrypt_batch
from emulator.problem import Problem

PASSWORD = b"correct horse"
START_TIMEOUT_S = 30
# What each process checks with.
WAYS = {
    "pyca/bcrypt in each process": "pyca",
    "bcrypt_batch.checkpw in each process": "checkpw",
    "Checker in each process": "checker",
    "SharedChecker, one server": "shared",
}


class Processes:
    """A number of processes, as a context manager; `check` may be called by many threads."""

    def __init__(self, count: int, way: str, hashed: bytes, path: str) -> None:
        self._count = count
        self._command = [sys.executable, "-m", "benchmarks.processes", way, hashed.decode(), path]
        self._free: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()

    def __enter__(self) -> Processes:
        with ExitStack() as stack:
            started = [stack.enter_context(self._start()) for _ in range(self._count)]
            for process in started:
                stack.callback(process.kill)
            for process in started:
                _await_answer(process)
                self._free.put(process)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def check(self) -> None:
        """Let the next free process check once, and wait for it."""
        process = self._free.get()
        assert process.stdin
        os.write(process.stdin.fileno(), b".")
        _await_answer(process)
        self._free.put(process)

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )


def _await_answer(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout
    if not os.read(process.stdout.fileno(), 1):
        raise Problem(f"a process ended with status {process.wait()}; it says why above")


@contextmanager
def server(workers: int, cost: int) -> Iterator[str]:
    """Run `bcrypt-batch serve`; yield the path of its socket."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/socket"
        command = [sys.executable, "-m", "bcrypt_batch", "serve", "--socket", path]
        command += ["--workers", str(workers), "--max-cost", str(cost)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                give_up = time.monotonic() + START_TIMEOUT_S
                with bcrypt_batch.SharedChecker(path) as checker:
                    while not checker.stats().served:
                        if process.poll() is not None or time.monotonic() > give_up:
                            raise Problem(f"the server did not start: {' '.join(command)}")
                        time.sleep(0.01)
                yield path
            finally:
                process.terminate()


def check_of(way: str, hashed: bytes, path: str) -> Callable[[], bool]:
    """Return the function that a process calls for each check."""
    if way == "pyca":
        return lambda: bcrypt.checkpw(PASSWORD, hashed)
    if way == "checkpw":
        return lambda: bcrypt_batch.checkpw(PASSWORD, hashed)
    checker: bcrypt_batch.Checker | bcrypt_batch.SharedChecker
    if way == "checker":
        checker = bcrypt_batch.Checker()
    else:
        checker = bcrypt_batch.SharedChecker(path, when_away="raise", when_full="wait")
    return lambda: checker.check(PASSWORD, hashed)


def page(way: str, hashed: str, path: str) -> Callable[[object, Any], list[bytes]]:
    """Return a WSGI application that checks once for each page."""
    check = check_of(way, hashed.encode(), path)

    def application(_: object, start_response: Any) -> list[bytes]:
        assert check()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"welcome"]

    return application


def main() -> None:
    check = check_of(sys.argv[1], sys.argv[2].encode(), sys.argv[3])
    while True:
        assert check()
        os.write(sys.stdout.fileno(), b".")
        if not os.read(sys.stdin.fileno(), 1):
            os._exit(0)


if __name__ == "__main__":
    main()
