"""The package in servers that fork, or that replace Python's threads by greenlets."""

from __future__ import annotations

import json
import os
import shlex
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
from pathlib import Path

import pytest

from bcrypt_batch import SharedChecker
from tests.documents import block
from tests.processes import PATIENCE_S, PROGRAMS, check_program, require_library
from tests.serving import servers_at, serving, until

LIBRARIES = ["gevent", "eventlet"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_patched_threads(library: str, when: str) -> None:
    """We use none of their locks or waits, which belong to one thread's loop."""
    require_library(library)
    name = "servers/batches_beside_patched_threads"
    print(check_program(name, library, when, PYTHONWARNINGS="ignore"))


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_checker_beside_patched_threads(library: str) -> None:
    """Like a batch: in a greenlet's own thread, and in the library's pool."""
    require_library(library)
    name = "servers/checker_beside_patched_threads"
    check_program(name, library, "before", PYTHONWARNINGS="ignore")


@contextmanager
def served(
    command: list[str],
    folder: Path,
    at_import: str,
    application: str = "application",
    **environment: str,
) -> Iterator[str]:
    """Run a server in front of an application; yield its address."""
    shutil.copy(PROGRAMS / f"servers/{application}.py", folder / "application.py")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    with (
        open(folder / "log", "w") as log,
        subprocess.Popen(
            [part.replace("PORT", str(port)) for part in command],
            cwd=folder,
            env={
                **os.environ,
                "AT_IMPORT": at_import,
                "PYTHONWARNINGS": "ignore",
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                **environment,
            },
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


def command_of(name: str, arguments: str) -> list[str]:
    """Return the command of a server; skip if it isn't installed."""
    program = name.partition("-")[0]
    path = shutil.which(program, path=str(Path(sys.executable).parent))
    if not path:
        pytest.skip(f"{program} is not installed (group servers)")
    if "gevent" in name:
        require_library("gevent")
    command = [path, *shlex.split(arguments)]
    if program == "uwsgi":
        command += ["--home", sys.prefix, "--module", "application"]
    return command


@pytest.mark.parametrize("at_import", ["hash", "start", "log in"])
@pytest.mark.parametrize("name", SERVERS)
def test_behind_a_server_that_forks(name: str, at_import: str, tmp_path: Path) -> None:
    """Before the fork its parent has hashed, started threads, or used its checker."""
    with served(command_of(name, SERVERS[name]), tmp_path, at_import) as address:
        ask_many_times(address)


# How each is told in docs/logins.md, with another port and socket.
SHARING = {
    "gunicorn": "--workers 4",
    "gunicorn-gthread": "--workers 2 --threads 4 --worker-class gthread",
    "gunicorn-gevent": "--workers 2 --worker-class gevent",
    "gunicorn-preload": "--workers 4 --preload",
    "gunicorn-recycled": "--workers 4 --max-requests 7 --max-requests-jitter 3",
}


def log_in_many_times(address: str) -> int:
    """Return how many processes have answered, each rightly."""

    def ask(_: int) -> int:
        with urllib.request.urlopen(address, timeout=PATIENCE_S) as response:
            answer = json.load(response)
        assert answer["checked"] == [True, False]
        return int(answer["pid"])

    with ThreadPoolExecutor(8) as executor:
        return len({*executor.map(ask, range(64))})


@pytest.mark.parametrize("at_import", ["nothing", "log in"])
@pytest.mark.parametrize("name", SHARING)
def test_processes_share_a_server(name: str, at_import: str, tmp_path: Path) -> None:
    """All calls of all workers, also of those that end and begin under load, are the server's."""
    arguments = f"application:application --bind 127.0.0.1:PORT {SHARING[name]}"
    with (
        serving(tmp_path) as server,
        served(
            command_of(name, arguments),
            tmp_path,
            at_import,
            "shared_application",
            SOCKET=server.path,
        ) as address,
    ):
        assert log_in_many_times(address) > 1
        checker = server.checker()
        until(lambda: not checker.stats().in_flight)  # a worker that has just begun logs in
        stats = checker.stats()
        assert stats.finished >= 128
        assert stats.mean_group_size > 1
        assert (stats.waiting, stats.refused) == (0, 0)


def test_workers_start_the_server_that_they_share(tmp_path: Path) -> None:
    path = tmp_path / "shared"
    command = command_of("gunicorn", "application:application --bind 127.0.0.1:PORT --workers 4")
    with served(
        command, tmp_path, "nothing", "shared_application", SOCKET=str(path), START="1"
    ) as address:
        log_in_many_times(address)
        assert len(servers_at(path)) == 1
        assert SharedChecker(path).stats().finished == 128
    path.unlink()  # so that it ends


def test_uwsgi_attaches_the_server(tmp_path: Path) -> None:
    """It starts the server before its workers, and ends it with itself."""
    options = block("docs/logins.md", "uwsgi").splitlines()[1:]
    assert options[0].startswith("attach-daemon = bcrypt-batch serve --socket /run/app/bcrypt.sock")
    path = tmp_path / "attached"
    daemon = options[0].partition(" = ")[2].replace("/run/app/bcrypt.sock", str(path))
    arguments = (
        f"--http-socket 127.0.0.1:PORT --master --processes 4 --need-app --die-on-term "
        f"--attach-daemon {shlex.quote(daemon)}"
    )
    with served(
        command_of("uwsgi", arguments),
        tmp_path,
        "nothing",
        "shared_application",
        SOCKET=str(path),
    ) as address:
        until(path.exists)
        log_in_many_times(address)
        assert SharedChecker(path).stats().finished == 128
        (server,) = servers_at(path)
    until(lambda: server not in servers_at(path))


def test_celerys_pool_shares_a_server(tmp_path: Path) -> None:
    """Its processes call a checker that was made before their fork, and one starts the server."""
    require_library("celery")
    path = tmp_path / "shared"
    settings = {
        "broker_url": "filesystem://",
        "broker_transport_options": {
            f"data_folder_{way}": str(tmp_path / "queue") for way in ("in", "out")
        },
        "result_backend": f"file://{tmp_path}/results",
    }
    for name in ("queue", "results"):
        (tmp_path / name).mkdir()
    recipe = block("docs/logins.md", "celery").replace("/run/app/bcrypt.sock", str(path))
    (tmp_path / "tasks.py").write_text(f"{recipe}\n\napp.conf.update({settings})\n")
    check_program("servers/tasks_of_celery", tmp_path, PYTHONWARNINGS="ignore")
    stats = SharedChecker(path).stats()
    assert (stats.finished, len(servers_at(path))) == (32, 1)
    assert stats.mean_group_size > 1
    path.unlink()  # so that it ends


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_greenlets_share_a_server(library: str, when: str, tmp_path: Path) -> None:
    require_library(library)
    with serving(tmp_path) as server:
        name = "servers/greenlets_share_a_server"
        check_program(name, library, when, server.path, PYTHONWARNINGS="ignore")
