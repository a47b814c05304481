"""The threads of batches: which are made, which stay, and what happens where they are refused."""

from __future__ import annotations

import subprocess
import sys

import pytest

import bcrypt_batch
from tests.processes import PATIENCE_S, SMALLEST_STACK, check_python, skip_beside_emulators_threads

THREADS = """
import os, threading, time
import bcrypt_batch
from bcrypt_batch import hash_many, start_workers, stop_workers
threading.Thread(target=len, args=("",)).start()  # the first brings a sanitizer's own thread along
time.sleep(0.05)
before = set(os.listdir("/proc/self/task"))
def tasks():
    return [os.getpid(), *sorted(map(int, set(os.listdir("/proc/self/task")) - before))]
"""


def test_the_threads_of_a_batch_end_with_it() -> None:
    check_python(
        THREADS
        + """
for workers in (2, 3, 8):
    result = hash_many([b"pw"] * 40, cost=4, workers=workers)
    assert result.complete
    assert tasks() == [os.getpid()], tasks()
"""
    )


def test_started_workers_stay_and_are_used_by_all_calls_that_fit() -> None:
    check_python(
        THREADS
        + """
assert start_workers(3) == 3
kept = tasks()
assert len(kept) == 4
assert {open(f"/proc/self/task/{id}/comm").read() for id in kept[1:]} == {"bcrypt_batch\\n"}
for workers in (3, 2, 3):
    for count in (2, 30):
        stats = hash_many([b"pw"] * count, cost=6, workers=workers, lanes=1).stats
        assert set(stats.thread_ids) <= set(kept[1:]), (stats.thread_ids, kept)
        assert stats.workers == workers
    assert tasks() == kept
assert not set(hash_many([b"pw"] * 40, cost=6, workers=4).stats.thread_ids) & set(kept)
assert tasks() == kept
assert start_workers(3) == 3
assert tasks() == kept
"""
    )


def test_signals_are_left_to_the_callers_threads() -> None:
    """All but those of a fault, which come to the thread at fault."""
    skip_beside_emulators_threads("it changes their masks as it needs")
    check_python(
        THREADS
        + """
import signal
def blocked(id):
    for line in open(f"/proc/self/task/{id}/status"):
        if line.startswith("SigBlk:"):
            mask = int(line.split()[1], 16)
    return {number for number in range(1, 65) if mask >> number - 1 & 1}
callers = blocked(os.getpid())
start_workers(3)
faults = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}
for id in tasks()[1:]:
    assert signal.valid_signals() - blocked(id) == faults | {signal.SIGKILL, signal.SIGSTOP}
assert blocked(os.getpid()) == callers == set()
"""
    )


def test_one_pool_at_most_is_kept_and_stopping_ends_it() -> None:
    check_python(
        THREADS
        + """
for workers, threads in ((3, 4), (2, 3), (4, 5), (1, 1)):
    assert start_workers(workers) == workers
    assert len(tasks()) == threads, tasks()
start_workers(4)
for _ in range(2):
    stop_workers()
    assert tasks() == [os.getpid()]
assert hash_many([b"pw"] * 20, cost=4, workers=4).complete
assert tasks() == [os.getpid()]
"""
    )


def test_a_pool_that_is_stopped_at_work_finishes_its_batch() -> None:
    check_python(
        THREADS
        + """
start_workers(2)
def progress(done, total):
    if done and not stopped:
        stop_workers()
        stopped.append(done)
        start_workers(3)
stopped = []
result = hash_many([b"pw"] * 200, cost=9, workers=2, progress=progress)
assert result.complete and stopped and result.stats.threads_used == 2, result.stats
assert len(tasks()) == 4, tasks()
assert hash_many([b"pw"] * 200, cost=4, workers=3).complete
"""
    )


def test_many_callers_with_many_workers_leave_nothing_behind() -> None:
    check_python(
        THREADS
        + """
def call(i):
    passwords = [b"%d %d" % (i, j) for j in range(40)]
    result = hash_many(passwords, cost=4, workers=32, lanes=1)
    assert result.stats.workers == 32
    checked.append(bcrypt_batch.verify_many(passwords, result.values, workers=32))
checked = []
callers = [threading.Thread(target=call, args=(i,)) for i in range(40)]
for caller in callers: caller.start()
most = 0
while any(caller.is_alive() for caller in callers):
    most = max(most, len(tasks()))
    time.sleep(0.001)
assert len(checked) == 40 and all(all(result.values) for result in checked)
for caller in callers: caller.join()
while len(tasks()) > 1:  # Python's own threads are not cleared away before join returns
    time.sleep(0.001)
print(most)
"""
    )


def test_a_greenlet_may_leave_a_batch_and_come_back() -> None:
    """Its C stack is moved away meanwhile: nothing that workers write to may lie there."""
    pytest.importorskip("greenlet")
    check_python(
        THREADS
        + """
import greenlet
def first():
    return hash_many([b"pw"] * 60, cost=9, workers=2, progress=lambda *_: main.switch())
main = greenlet.getcurrent()
other = greenlet.greenlet(first)
result = other.switch()
turns = 0
while not other.dead:
    turns += 1
    assert all(hash_many([b"%d" % turns] * 5, cost=4, workers=2).values)
    result = other.switch()
assert turns > 1 and result.complete and all(result.values)
assert all(bcrypt_batch.verify_many([b"pw"] * 60, result.values).values)
"""
    )


# Each thread reserves 256 MB of address space for its stack, so that a limit on it (which binds
# root too) leaves room for a number of threads that the test can choose.
SHORTAGE = """
import mmap, os, resource, warnings
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
"""

REFUSAL = """
passwords = [b"%d" % i for i in range(40)]
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    if START:
        print(bcrypt_batch.start_workers(6), end=" ")
    result = bcrypt_batch.hash_many(passwords, cost=4, workers=6)
assert result.complete
assert all(bcrypt_batch.checkpw(p, h) for p, h in zip(passwords, result.values))
assert {os.path.basename(warning.filename) for warning in caught} == {"<string>"}
messages = [str(warning.message) for warning in caught if warning.category is RuntimeWarning]
print(result.stats.workers, len(messages), messages[0])
"""


def run_short_of_threads(room: int, code: str) -> str:
    """Run code where the address space has room for as many stacks; return its output."""
    code = f"ROOM = {room}\n{SHORTAGE}{code}"
    done = subprocess.run(
        ["sh", "-c", 'ulimit -s 262144; exec "$0" -c "$1"', sys.executable, code],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    if done.stderr == "no limit\n":
        pytest.skip("no limit on address space is enforced here, as under qemu's emulation")
    assert done.returncode == 0, done.stderr
    return done.stdout


# One thread is the pool's leader, one must be to spare.
@pytest.mark.parametrize("start", [False, True])
@pytest.mark.parametrize(("room", "workers"), [(0, 1), (1, 1), (2, 1), (3, 2), (4, 3)])
def test_fewer_workers_where_threads_are_refused(room: int, workers: int, start: bool) -> None:
    """libgomp would end the process; we warn, and compute with what there is."""
    said = run_short_of_threads(room, f"START = {start}\n{REFUSAL}")
    refused = f"the system refused threads: {workers} instead of 6 workers; what is in the way is "
    limit = "RLIMIT_AS, the limit on address space"
    counts, message = said.split(" the system", 1)
    assert counts == (f"{workers} {workers} 2" if start else f"{workers} 1")
    assert f"the system{message}".startswith(refused + limit)


def test_a_checker_that_is_refused_every_thread_says_which_limit_is_in_the_way() -> None:
    said = run_short_of_threads(
        0,
        """
checker = bcrypt_batch.Checker(workers=6)
try:
    checker.hash(b"pw", cost=4)
except RuntimeError as error:
    print(error)
""",
    )
    assert said.startswith(
        "the system refused threads: 0 instead of 6 workers; what is in the way is RLIMIT_AS"
    )


@pytest.mark.parametrize("name", ["OMP_STACKSIZE", "GOMP_STACKSIZE"])
def test_stacks_too_large_for_memory_do_not_matter(name: str) -> None:
    check_python(
        "import bcrypt_batch as b; r = b.hash_many([b'pw'] * 20, cost=4, workers=3);"
        "assert r.complete and r.stats.workers in (1, 3), r.stats",
        **{name: "900T", "PYTHONWARNINGS": "ignore"},
    )


def test_small_python_stacks_do_not_matter() -> None:
    check_python(
        SMALLEST_STACK
        + """
import bcrypt_batch
result = bcrypt_batch.hash_many([b"pw"] * 20, cost=4, workers=3)
assert result.complete and result.stats.workers == 3
"""
    )


def test_bad_numbers_of_workers() -> None:
    with pytest.raises(ValueError, match="workers must be from 1 to 1024, not 0"):
        bcrypt_batch.start_workers(0)
    with pytest.raises(TypeError, match="workers must be an int, not str"):
        bcrypt_batch.start_workers("2")  # type: ignore[arg-type]


def test_a_checker_that_is_refused_some_threads_counts_on_no_lanes_of_theirs() -> None:
    accepted, refused, threads = run_short_of_threads(
        3,
        """
import asyncio
warnings.simplefilter("ignore")
checker = bcrypt_batch.Checker(workers=6, lanes=1, max_waiting=1)
async def main():
    calls = [asyncio.ensure_future(checker.hash_async(b"pw", cost=16)) for _ in range(9)]
    await asyncio.sleep(0)
    stats = checker.stats()
    print(stats.waiting + stats.in_flight, stats.refused, len(os.listdir("/proc/self/task")) - 1)
    checker.close(wait=False)
    await asyncio.gather(*calls, return_exceptions=True)
asyncio.run(main())
""",
    ).split()
    assert 0 < int(threads) < 6
    assert (int(accepted), int(refused)) == (int(threads) + 1, 9 - int(threads) - 1)


def test_a_warning_made_an_error_loses_nothing() -> None:
    run_short_of_threads(
        1,
        """
with warnings.catch_warnings():
    warnings.simplefilter("error")
    try:
        bcrypt_batch.hash_many([b"pw"] * 8, cost=4, workers=6)
    except RuntimeWarning as warning:
        assert all(warning.batch_result.values)
    else:
        raise SystemExit("no warning")
""",
    )


def test_stacks_of_a_libgomp_that_was_there_before() -> None:
    """It was loaded with the host's settings: threads are tried out with stacks as large."""
    code = """
import ctypes, resource, warnings
path = next((line.split()[-1] for line in MAPS.splitlines() if "libgomp" in line), None)
ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
import bcrypt_batch
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (3 << 30),) * 2)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    result = bcrypt_batch.hash_many([b"pw"] * 20, cost=4, workers=6)
assert result.complete
print(result.stats.workers, len(caught))
"""
    maps = check_python("import bcrypt_batch; print(open('/proc/self/maps').read())")
    if "libgomp" not in maps:
        pytest.skip("no libgomp in this build")
    output = check_python(f"MAPS = {maps!r}\n{code}", OMP_STACKSIZE="1G")
    if output == "6 0\n":
        pytest.skip("no limit on address space is enforced here, as under qemu's emulation")
    assert output in ("1 1\n", "2 1\n")
