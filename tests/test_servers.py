"""The package in servers that fork, or that replace Python's threads by greenlets."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.processes import PATIENCE_S, PROGRAMS, check_program

LIBRARIES = ["gevent", "eventlet"]


def require(library: str) -> None:
    """Skip if it is missing; don't import it, because eventlet then warns of each fork."""
    if not find_spec(library):
        pytest.skip(f"{library} is not installed (group servers)")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_patched_threads(library: str, when: str) -> None:
    """We use none of their locks or waits, which belong to one thread's loop."""
    require(library)
    name = "servers/batches_beside_patched_threads"
    print(check_program(name, library, when, PYTHONWARNINGS="ignore"))


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_checker_beside_patched_threads(library: str) -> None:
    """Like a batch: in a greenlet's own thread, and in the library's pool."""
    require(library)
    name = "servers/checker_beside_patched_threads"
    check_program(name, library, "before", PYTHONWARNINGS="ignore")


@contextmanager
def served(command: list[str], folder: Path, at_import: str) -> Iterator[str]:
    """Run a server in front of application.py; yield its address."""
    shutil.copy(PROGRAMS / "servers/application.py", folder)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    with (
        open(folder / "log", "w") as log,
        subprocess.Popen(
            [part.replace("PORT", str(port)) for part in command],
            cwd=folder,
            env={**os.environ, "AT_IMPORT": at_import, "PYTHONWARNINGS": "ignore"},
            stdout=log,
            stderr=log,
        ) as server,
    ):
        try:
            give_up = time.monotonic() + PATIENCE_S
            while server.poll() is None and time.monotonic() < give_up:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield f"http://127.0.0.1:{port}/"
        except Exception:
            print((folder / "log").read_text())
            raise
        finally:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                server.kill()


def ask_many_times(address: str) -> None:
    def ask(_: int) -> dict[str, object]:
        with urllib.request.urlopen(address, timeout=PATIENCE_S) as response:
            answer: dict[str, object] = json.load(response)
        assert answer["checked"] == [True] * 8
        assert answer["workers"] == 2
        return answer

    with ThreadPoolExecutor(8) as executor:
        answers = list(executor.map(ask, range(48)))
    pids = {answer["pid"] for answer in answers}
    print(f"{len(answers)} answers of {len(pids)} processes, threads at the most:", end=" ")
    print(max(int(str(answer["threads"])) for answer in answers))


SERVERS = {
    "uwsgi": "--http-socket 127.0.0.1:PORT --master --processes 2 --need-app --die-on-term",
    "uwsgi-threads": "--http-socket 127.0.0.1:PORT --master --processes 2 --threads 3 --need-app",
    "gunicorn": "application:application --bind 127.0.0.1:PORT --preload --workers 2",
    "gunicorn-threads": "application:application --bind 127.0.0.1:PORT --preload --workers 2 "
    "--worker-class gthread --threads 3",
    "gunicorn-gevent": "application:application --bind 127.0.0.1:PORT --preload --workers 2 "
    "--worker-class gevent",
}


@pytest.mark.parametrize("at_import", ["hash", "start", "log in"])
@pytest.mark.parametrize("name", SERVERS)
def test_behind_a_server_that_forks(name: str, at_import: str, tmp_path: Path) -> None:
    """Before the fork its parent has hashed, started threads, or used its checker."""
    program = name.partition("-")[0]
    path = shutil.which(program, path=str(Path(sys.executable).parent))
    if not path:
        pytest.skip(f"{program} is not installed (group servers)")
    if "gevent" in name:
        require("gevent")
    command = [path, *SERVERS[name].split()]
    if program == "uwsgi":
        command += ["--home", sys.prefix, "--module", "application"]
    with served(command, tmp_path, at_import) as address:
        ask_many_times(address)
