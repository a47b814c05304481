"""In servers that fork, or that replace Python's threads by greenlets."""

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

from tests.processes import PATIENCE_S, check_python

PATCHES = {
    "gevent": "import gevent.monkey; gevent.monkey.patch_all()",
    "eventlet": "import eventlet; eventlet.monkey_patch()",
}
# How to run a function in a real thread, which the library's own pool has.
IN_POOL = {
    "gevent": "import gevent; in_pool = gevent.get_hub().threadpool.apply",
    "eventlet": "import eventlet.tpool; in_pool = eventlet.tpool.execute",
}
USE = """
import os, signal, subprocess, time
def check():
    passwords = [b"%d" % i for i in range(40)]
    hashes = bcrypt_batch.hash_many(passwords, cost=4, workers=2).values
    assert bcrypt_batch.verify_many(passwords, hashes, workers=3).values == [True] * 40
    assert bcrypt_batch.checkpw(passwords[0], hashes[0])
for kept in (1, 2):
    bcrypt_batch.start_workers(kept)
    for _ in range(2):
        in_pool(check)
        check()
        in_pool(check)
    if not (pid := os.fork()):
        check()
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
seen = []
started = time.monotonic()
bcrypt_batch.hash_many([b"pw"] * 100, cost=9, workers=2,
                       progress=lambda done, total: seen.append(done))
print(f"progress {len(seen) / (time.monotonic() - started):.0f} times a second")
assert len(seen) > 2 and seen == sorted(seen)
killer = subprocess.Popen(["sh", "-c", f"sleep 0.5; date +%s%N; kill -INT {os.getpid()}"],
                          stdout=subprocess.PIPE)
try:
    bcrypt_batch.hash_many([b"pw"] * 40, cost=18, workers=2)
except KeyboardInterrupt as interruption:
    came = time.time()
    assert len(interruption.batch_result.unprocessed) == 40
    print(f"Ctrl-C took {came * 1000 - int(killer.stdout.read()) / 1e6:.0f} ms")
"""


def require(library: str) -> None:
    """Skip without it; and don't import it, for eventlet warns of each fork from then on."""
    if not find_spec(library):
        pytest.skip(f"{library} is not installed (group servers)")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("library", PATCHES)
def test_patched_threads(library: str, when: str) -> None:
    """Nothing that is waited for or locked may be theirs: they belong to one thread's loop."""
    require(library)
    lines = [PATCHES[library], "import bcrypt_batch"]
    lines = lines if when == "before" else lines[::-1]
    code = "\n".join([*lines, IN_POOL[library], USE])
    print(check_python(code, PYTHONWARNINGS="ignore"))


CHECKERS = """
import os
checker = bcrypt_batch.Checker(workers=2)
hashed = checker.hash(b"pw", cost=4)  # in the hub's own thread: it waits, and so do the others
def check(i):
    return checker.check(b"pw" if i % 2 else b"px", hashed)
assert [in_pool(check, (i,)) if POOL_TAKES_A_TUPLE else in_pool(check, i) for i in range(6)] == [
    False, True] * 3
if not (pid := os.fork()):
    assert checker.check(b"pw", hashed)
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
assert checker.check(b"pw", hashed, timeout=60)
checker.close()
"""


@pytest.mark.parametrize("library", PATCHES)
def test_a_checker_beside_patched_threads(library: str) -> None:
    """As a batch: in a greenlet's own thread, and in the library's pool."""
    require(library)
    tuples = f"POOL_TAKES_A_TUPLE = {library == 'gevent'}"
    lines = [PATCHES[library], "import bcrypt_batch", IN_POOL[library], tuples, CHECKERS]
    check_python("\n".join(lines), PYTHONWARNINGS="ignore")


APPLICATION = """
import json, os, threading
import bcrypt_batch
if os.environ["AT_IMPORT"] == "start":
    bcrypt_batch.start_workers(2)
known = bcrypt_batch.hash_many([b"%d" % i for i in range(8)], cost=4, workers=2).values
checker = bcrypt_batch.Checker(workers=2)  # its threads are made at its first call
if os.environ["AT_IMPORT"] == "log in":
    assert checker.check(b"0", known[0])
def application(environ, start_response):
    assert [checker.check(b"%d" % i, known[3]) for i in range(2, 5)] == [False, True, False]
    stats = bcrypt_batch.hash_many([b"pw"] * 20, cost=6, workers=2).stats
    checked = bcrypt_batch.verify_many([b"%d" % i for i in range(8)], known, workers=2).values
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"pid": os.getpid(), "checked": checked, "workers": stats.workers,
                        "threads": len(os.listdir("/proc/self/task"))}).encode()]
"""


@contextmanager
def served(command: list[str], folder: Path, at_import: str) -> Iterator[str]:
    """Run a server in front of APPLICATION; yield its address."""
    (folder / "application.py").write_text(APPLICATION)
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
    """Its parent has hashed, keeps threads, or has used its checker, before it was forked."""
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
