"""Servers for the tests of SharedChecker: `bcrypt-batch serve`, in a process of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bcrypt_batch import SharedChecker
from tests.processes import PATIENCE_S, PROJECT


def until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds, which it must."""
    give_up = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.002)


def servers_at(path: Path) -> list[int]:
    """Return the process ids of the servers of a socket."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(path).encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


class Serving:
    """A server that runs.

    Attributes:
        path: Of its socket.
        process: The server.
    """

    def __init__(self, folder: Path, *options: str, **named: object) -> None:
        self.path = str(folder / "socket")
        self._log = folder / "log"
        with open(self._log, "a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bcrypt_batch", "serve", "--socket", self.path, *options],
                cwd=PROJECT,
                stderr=log,
                **named,  # type: ignore[call-overload]
            )
        until(lambda: self.is_ready or self.process.poll() is not None)

    @property
    def is_ready(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            return connection.connect_ex(self.path) == 0

    @property
    def said(self) -> str:
        return self._log.read_text()

    def checker(self, **options: object) -> SharedChecker:
        """Return a checker that raises CheckerAway, unless options say otherwise."""
        return SharedChecker(self.path, **{"when_away": "raise", **options})  # type: ignore[arg-type]

    def open_now(self) -> tuple[int, int]:
        """Return how many descriptors and threads the server has."""
        folder = f"/proc/{self.process.pid}"
        return len(os.listdir(f"{folder}/fd")), len(os.listdir(f"{folder}/task"))

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal; return the exit status."""
        self.process.send_signal(number)
        status: int = self.process.wait(PATIENCE_S)
        return status


@contextmanager
def serving(folder: Path, *options: str, **named: object) -> Iterator[Serving]:
    """Run a server, with two workers of four lanes unless options say otherwise."""
    server = Serving(folder, "--workers", "2", "--lanes", "4", *options, **named)
    try:
        yield server
    except BaseException:
        print(server.said)
        raise
    finally:
        if server.process.poll() is None:
            server.process.send_signal(signal.SIGCONT)
            server.end(signal.SIGKILL)
