"""Compare ways to check a password in pages that gunicorn's sync workers serve.

Apache's ab sends the requests. Each client of ab requests the next page as soon as the last page
has come. Contestants take turns. Each has its own gunicorn, which is idle in the other turns.
docs/logins.md explains Checker and SharedChecker.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import bcrypt

from benchmarks.machine import machine
from benchmarks.processes import PASSWORD, WAYS, server
from benchmarks.turns import Turn, measure, write
from emulator.arguments import cost, positive
from emulator.problem import Problem

CLIENTS = (1, 4, 8, 32)
BACKLOG = 2048  # connections that wait for a worker
MOST_PAGES = 1_000_000  # in a turn; ab's default is 50,000
PATIENCE_S = 600  # for a page
TIME = 4  # the column of ab's table with the milliseconds from connecting to the last byte


def check_installed() -> None:
    """Raise a Problem if a program is missing."""
    if not shutil.which("ab"):
        raise Problem("ab is not on PATH: install apache2-utils (Debian) or httpd-tools (Fedora)")
    if not find_spec("gunicorn"):
        raise Problem("gunicorn is missing: pip install --group servers (pip 25.1 or newer)")


@contextmanager
def gunicorn(way: str, hashed: bytes, path: str, processes: int) -> Iterator[int]:
    """Run gunicorn with so many sync workers; yield the port of its page."""
    application = f"benchmarks.processes:page({way!r}, {hashed.decode()!r}, {path!r})"
    command = [sys.executable, "-m", "gunicorn", application, "--workers", str(processes)]
    command += ["--preload", "--log-level", "warning", "--bind"]
    with socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as listener:
        port = listener.getsockname()[1]
        inherited = listener.fileno()
        process = subprocess.Popen([*command, f"fd://{inherited}"], pass_fds=[inherited])
    with process:
        try:
            yield port
        finally:
            process.terminate()


def ask(port: int, clients: int, *until: object) -> Turn:
    """Let ab's clients request pages until the limit that the options `until` set.

    Raises:
        Problem: A page didn't come, or came with another status than 200.
    """
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "times"
        options = ["-q", "-c", clients, *until, "-s", PATIENCE_S, "-g", table]
        command = ["ab", *map(str, options), f"http://127.0.0.1:{port}/"]
        done = subprocess.run(command, capture_output=True, text=True)
        said = f"{' '.join(command)}\n{done.stdout}{done.stderr}"
        if done.returncode:
            raise Problem(f"pages did not come: see gunicorn's messages above, and ab's:\n{said}")
        counts = re.findall(r"^(?:Failed requests|Non-2xx responses): +(\d+)", done.stdout, re.M)
        if failed := max(map(int, counts)):
            raise Problem(
                f"{failed} pages failed: see gunicorn's messages above, and ab's:\n{said}"
            )
        if not table.exists():
            raise Problem("no page came in a whole turn: give a turn more --seconds")
        lines = table.read_text().splitlines()[1:]
    rate = re.search(r"^Requests per second: +([\d.]+)", done.stdout, re.M)
    assert rate, done.stdout
    return Turn(float(rate[1]), [float(line.split("\t")[TIME]) for line in lines])


def turn(port: int, clients: int, seconds: int, processes: int) -> Turn:
    """Load pages for some seconds, and wait until the workers are idle.

    When its time is up, ab leaves requests behind. The workers take requests in the order of
    arrival. So once they have answered as many later requests as there are workers, no request that
    ab left behind is still being computed.
    """
    loaded = ask(port, clients, "-t", seconds, "-n", MOST_PAGES)
    ask(port, processes, "-n", processes)
    return loaded


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cost", type=cost, default=10)
    parser.add_argument(
        "--processes", type=positive, default=8, help="gunicorn's sync workers (%(default)s)"
    )
    parser.add_argument("--clients", type=positive, nargs="+", default=list(CLIENTS))
    parser.add_argument("--seconds", type=positive, default=5, help="of each turn (%(default)s)")
    parser.add_argument("--turns", type=positive, default=3)
    parser.add_argument(
        "--workers",
        type=positive,
        default=len(os.sched_getaffinity(0)),
        help="threads of SharedChecker's server (%(default)s)",
    )
    parser.add_argument("--output", type=Path, help="a folder for JSON and a chart")


def run(arguments: argparse.Namespace) -> int:
    """Measure, print a grid for each load, and write JSON and a chart where asked to."""
    check_installed()
    cost, processes, seconds = arguments.cost, arguments.processes, arguments.seconds
    here = {**machine(), "gunicorn": version("gunicorn")}
    print(", ".join(f"{key} {value}" for key, value in here.items()))
    print(f"cost {cost}, {processes} sync workers, {arguments.turns} turns of {seconds} s\n")
    hashed = bcrypt.hashpw(PASSWORD, bcrypt.gensalt(cost))
    closed = {}
    with ExitStack() as stack:
        path = stack.enter_context(server(arguments.workers, cost))
        field = {
            name: stack.enter_context(gunicorn(way, hashed, path, processes))
            for name, way in WAYS.items()
        }
        for port in field.values():
            ask(port, processes, "-n", processes)
        for n in arguments.clients:

            def one_turn(port: int, _: int, n: int = n) -> Turn:
                return turn(port, n, seconds, processes)

            title = f"{n} client{'s' * (n > 1)}"
            closed[n] = measure(title, one_turn, field, arguments.turns, "pages")
    if arguments.output:
        clients = f"clients of gunicorn's {processes} sync workers"
        write(arguments.output, "pages", clients, here, cost, {"closed": closed}, "pages")
    return 0
