"""Threads, processes and signals: what must not hang, die or be lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import bcrypt
import pytest

import bcrypt_batch
from bcrypt_batch import hash_many, verify_many

PATIENCE_S = 60  # for what must end; timings decide nothing else


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program of its own: what it does to its process stays there."""
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env={**os.environ, **environment},
    )


def test_parallel_mode_uses_several_threads_and_none_of_ours() -> None:
    result = hash_many([b"pw"] * 24, cost=8, workers=3, lanes=2)
    ids = result.stats.thread_ids
    assert 2 <= len(set(ids)) == len(ids) == result.stats.threads_used <= 3
    assert threading.get_native_id() not in ids
    assert all(os.path.exists(f"/proc/self/task/{thread_id}") for thread_id in ids)


def test_sequential_mode_uses_the_calling_thread() -> None:
    result = hash_many([b"pw"] * 3, cost=4, workers=1, lanes=1)
    assert result.stats.thread_ids == [threading.get_native_id()]
    assert result.stats.lanes == 1


def test_both_modes_give_the_same_hashes() -> None:
    passwords = [b"%d" % i for i in range(40)]
    salts = [b"%016d" % i for i in range(40)]
    sequential = hash_many(passwords, cost=5, salts=salts, workers=1, lanes=1)
    parallel = hash_many(passwords, cost=5, salts=salts, workers=4)
    assert sequential.values == parallel.values


def test_the_pool_keeps_its_threads() -> None:
    bcrypt_batch.start_workers(3)
    before = set(os.listdir("/proc/self/task"))
    for _ in range(5):
        hash_many([b"pw"] * 30, cost=4, workers=3)
        hash_many([b"pw"] * 2, cost=4, workers=3)
        hash_many([b"pw"], cost=4, workers=1)
    assert set(os.listdir("/proc/self/task")) == before


@pytest.mark.parametrize("workers", [1, 2])
def test_other_python_threads_go_on_meanwhile(workers: int) -> None:
    progress = 0
    stop = threading.Event()

    def count() -> None:
        nonlocal progress
        while not stop.is_set():
            progress += 1
            time.sleep(0)

    thread = threading.Thread(target=count)
    thread.start()
    try:
        before = progress
        hash_many([b"pw"] * 8, cost=10, workers=workers)
        assert progress > before + 10
    finally:
        stop.set()
        thread.join()


def test_calls_from_several_python_threads_at_once() -> None:
    def call(i: int) -> bool:
        passwords = [b"%d %d" % (i, j) for j in range(10)]
        hashes = [h for h in hash_many(passwords, cost=4, workers=1 + i % 3).values if h]
        return all(verify_many(passwords, hashes, workers=2).values)

    with ThreadPoolExecutor(8) as executor:
        assert all(executor.map(call, range(40)))


def test_more_workers_than_cpus() -> None:
    workers = 4 * len(os.sched_getaffinity(0))
    result = hash_many([b"%d" % i for i in range(5 * workers)], cost=5, workers=workers)
    assert result.complete
    assert result.stats.workers == workers
    assert bcrypt.checkpw(b"0", result.values[0] or b"")


def test_fork_after_a_batch() -> None:
    """A libgomp pool does not survive fork: in the child nothing may try to use it."""
    done = run_python(
        """
import os, bcrypt_batch, threading
salts = [b"%016d" % i for i in range(8)]
parent = bcrypt_batch.hash_many([b"pw"] * 8, cost=4, salts=salts, workers=2).values
for generation in range(3):
    if pid := os.fork():
        _, status = os.waitpid(pid, 0)
        os._exit(os.waitstatus_to_exitcode(status))
    result = bcrypt_batch.hash_many([b"pw"] * 8, cost=4, salts=salts, workers=2)
    assert result.values == parent and result.stats.workers == 2
os._exit(7)
""",
        PYTHONWARNINGS="ignore",  # 3.12 and later warn of any fork beside threads
    )
    assert (done.returncode, done.stderr) == (7, "")


def test_fork_while_another_thread_computes() -> None:
    done = run_python(
        """
import os, bcrypt_batch, threading, time
thread = threading.Thread(
    target=bcrypt_batch.hash_many, args=([b"pw"] * 100,), kwargs={"cost": 8, "workers": 2}
)
thread.start()
time.sleep(0.05)
pid = os.fork()
if not pid:
    complete = bcrypt_batch.hash_many([b"pw"] * 8, cost=4, workers=2).complete
    os._exit(7 if complete else 1)
_, status = os.waitpid(pid, 0)
thread.join()
os._exit(os.waitstatus_to_exitcode(status))
""",
        PYTHONWARNINGS="ignore",
    )
    assert (done.returncode, done.stderr) == (7, "")


# Each thread reserves 256 MB of address space for its stack, so that a limit on it (which binds
# root too) leaves room for a number of threads that the test can choose.
REFUSAL = """
import mmap, resource, warnings
import bcrypt_batch
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
room = int((ROOM + 0.6) * (256 << 20))
resource.setrlimit(resource.RLIMIT_AS, (used + room,) * 2)
try:
    mmap.mmap(-1, 2 * room).close()
except OSError:
    pass
else:
    raise SystemExit("no limit")
passwords = [b"%d" % i for i in range(40)]
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    result = bcrypt_batch.hash_many(passwords, cost=4, workers=6)
assert result.complete
assert all(bcrypt_batch.checkpw(p, h) for p, h in zip(passwords, result.values))
print(result.stats.workers, [str(w.message) for w in caught if w.category is RuntimeWarning])
"""


@pytest.mark.parametrize(("room", "workers"), [(0, 1), (1, 1), (2, 2), (3, 3)])
def test_fewer_workers_where_threads_are_refused(room: int, workers: int) -> None:
    """libgomp would end the process; we warn, and compute with what there is."""
    code = f"ROOM = {room}\n{REFUSAL}"
    done = subprocess.run(
        ["sh", "-c", 'ulimit -s 262144; exec "$0" -c "$1"', sys.executable, code],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    if done.stderr == "no limit\n":
        pytest.skip("no limit on address space is enforced here, as under qemu's emulation")
    assert done.returncode == 0, done.stderr
    used, message = done.stdout.split(" ", 1)
    assert int(used) == workers
    assert f"the system allows {room} more threads where 6 workers were asked for" in message


INTERRUPT = """
import os, signal, threading, time
import bcrypt_batch
sent = None
def interrupt():
    global sent
    sent = time.monotonic()
    os.kill(os.getpid(), signal.SIGINT)
threading.Timer(0.3, interrupt).start()
try:
    bcrypt_batch.hash_many([b"pw"] * 20, cost=18, workers=WORKERS)
except KeyboardInterrupt as interruption:
    took_ms = (time.monotonic() - sent) * 1000
    print(took_ms, len(interruption.batch_result.unprocessed))
assert bcrypt_batch.hash_many([b"pw"] * 4, cost=4, workers=WORKERS).complete
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c(workers: int) -> None:
    """The batch would take minutes; that it ends at all is what decides."""
    done = run_python(f"WORKERS = {workers}\n{INTERRUPT}")
    assert done.returncode == 0, done.stderr
    took_ms, unprocessed = done.stdout.split()
    assert unprocessed == "20"
    print(f"Ctrl-C took {took_ms} ms with {workers} workers")


def test_ctrl_c_in_hashpw() -> None:
    code = """
import os, signal, threading
import bcrypt_batch
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
bcrypt_batch.hashpw(b"pw", bcrypt_batch.gensalt(20))
"""
    assert run_python(code).returncode == -signal.SIGINT


def test_libgomp_does_not_spin_and_the_environment_is_left_alone() -> None:
    code = "import os, bcrypt_batch; print(os.environ.get('GOMP_SPINCOUNT'))"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("GOMP_", "OMP_"))}
    for given, spins, after in (({}, "0", "None"), ({"GOMP_SPINCOUNT": "77"}, "77", "77")):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            env={**environment, **given, "OMP_DISPLAY_ENV": "VERBOSE"},
        )
        assert f"GOMP_SPINCOUNT = '{spins}'" in done.stderr
        assert done.stdout.strip() == after


def test_import_is_light() -> None:
    """A cold start pays for every module; these cost more than everything of ours."""
    code = "import sys, bcrypt_batch; print(*sys.modules)"
    loaded = set(run_python(code).stdout.split())
    assert "bcrypt_batch._native" in loaded
    assert not loaded & {"inspect", "typing", "dataclasses", "threading", "re", "bcrypt"}
