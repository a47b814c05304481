"""Children after fork hash, whichever way they were forked."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.processes import PATIENCE_S, check_python, require, skip_beside_emulators_threads

BEFORE = """
import os, signal, sys, threading, time
import bcrypt_batch
salts = [b"%016d" % i for i in range(8)]
def hashes(**options):
    return bcrypt_batch.hash_many([b"pw"] * 8, cost=4, salts=salts, workers=2, **options)
def end(status):
    assert os.waitstatus_to_exitcode(status) == 7, os.waitstatus_to_exitcode(status)
def check_child():
    for _ in range(3):
        assert hashes().values == expected
    alone = len(os.listdir("/proc/self/task"))  # more than one where an emulator has its own
    bcrypt_batch.start_workers(3)
    assert len(os.listdir("/proc/self/task")) == alone + 3
    assert hashes().values == expected
    bcrypt_batch.stop_workers()
    assert len(os.listdir("/proc/self/task")) == alone
if KEEP:
    bcrypt_batch.start_workers(2)
expected = hashes().values
"""


def check(code: str, keep: bool) -> None:
    # 3.12 and later warn of any fork beside threads.
    check_python(f"KEEP = {keep}\n{BEFORE}{code}", PYTHONWARNINGS="ignore")


kept_or_not = pytest.mark.parametrize("keep", [False, True])


@kept_or_not
def test_os_fork_three_times_over(keep: bool) -> None:
    check(
        """
for generation in range(3):
    if pid := os.fork():
        end(os.waitpid(pid, 0)[1])
        assert hashes().values == expected
        os._exit(7) if generation else sys.exit()
    check_child()
    bcrypt_batch.start_workers(2)
os._exit(7)
""",
        keep,
    )


@kept_or_not
def test_a_fork_from_c_that_python_does_not_see(keep: bool) -> None:
    """As uWSGI's: none of Python's hooks run in the child."""
    check(
        """
import ctypes
os.register_at_fork(after_in_child=lambda: os._exit(1))
fork = ctypes.PyDLL(None).fork
for _ in range(3):
    if not (pid := fork()):
        check_child()
        os._exit(7)
    end(os.waitpid(pid, 0)[1])
    assert hashes().values == expected
""",
        keep,
    )


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_multiprocessing(method: str, tmp_path: object) -> None:
    check_python(
        f"""
import multiprocessing, os, sys
import bcrypt_batch
path = {str(tmp_path)!r} + "/work.py"
with open(path, "w") as file:
    file.write('''
import bcrypt_batch
def work(salts):
    result = bcrypt_batch.hash_many([b"pw"] * len(salts), cost=4, salts=salts, workers=2)
    return result.values
''')
sys.path.insert(0, os.path.dirname(path))
from work import work
salts = [b"%016d" % i for i in range(8)]
expected = work(salts)
with multiprocessing.get_context({method!r}).Pool(2) as pool:
    assert pool.map(work, [salts] * 6) == [expected] * 6
assert work(salts) == expected
""",
        PYTHONWARNINGS="ignore",
    )


@kept_or_not
def test_fork_while_other_threads_compute(keep: bool) -> None:
    """At every moment: threads are made and end, and pools are used and come back meanwhile."""
    skip_beside_emulators_threads("qemu's does not bear such forks")
    check(
        """
stop = threading.Event()
def compute():
    while not stop.is_set():
        hashes()
threads = [threading.Thread(target=compute) for _ in range(3)]
for thread in threads: thread.start()
try:
    for i in range(60):
        time.sleep(i % 10 * 0.0003)
        if not (pid := os.fork()):
            signal.alarm(30)
            check_child()
            os._exit(7)
        end(os.waitpid(pid, 0)[1])
finally:
    stop.set()
    for thread in threads: thread.join()
""",
        keep,
    )


@pytest.mark.parametrize("openmp", [True, False])
def test_fork_while_another_thread_holds_the_locks(openmp: bool, tmp_path: Path) -> None:
    require("cc")
    program = tmp_path / "driver"
    source = Path(__file__).parent / "pool_driver.c"
    include = source.parent.parent / "ext" / "engine"
    flags = ["-std=c11", "-pthread", f"-I{include}", *["-fopenmp"] * openmp]
    subprocess.run(["cc", *flags, source, "-o", program], check=True)
    done = subprocess.run([program], capture_output=True, text=True, timeout=PATIENCE_S)
    assert (done.stdout, done.returncode) == ("exit 0, signal 0\n", 0)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_fork_by_progress_ends_the_childs_batch(workers: int) -> None:
    """The workers did not come along; what they had finished did."""
    check(
        f"""
here = os.getpid()
children = []
def progress(done, total):
    if done >= 20 and not children:
        children.append(os.fork())
result = bcrypt_batch.hash_many([b"pw"] * 300, cost=8, workers={workers}, progress=progress)
done = [hashed for hashed in result.values if hashed]
assert len(done) + len(result.unprocessed) == 300
assert len(done) >= 20
assert bcrypt_batch.checkpw(b"pw", done[0]) and bcrypt_batch.checkpw(b"pw", done[-1])
if os.getpid() == here:
    assert result.complete
    end(os.waitpid(children[0], 0)[1])
else:
    assert result.complete == ({workers} == 1)
    check_child()
    os._exit(7)
""",
        keep=False,
    )


def test_an_exception_in_a_forked_childs_progress() -> None:
    check(
        """
here = os.getpid()
children = []
def progress(done, total):
    if done >= 20 and not children:
        children.append(os.fork())
        if os.getpid() != here:
            raise KeyError
try:
    result = bcrypt_batch.hash_many([b"pw"] * 300, cost=8, workers=2, progress=progress)
except KeyError as error:
    assert os.getpid() != here
    done = [hashed for hashed in error.batch_result.values if hashed]
    assert len(done) >= 20 and bcrypt_batch.checkpw(b"pw", done[-1])
    check_child()
    os._exit(7)
assert result.complete
end(os.waitpid(children[0], 0)[1])
""",
        keep=False,
    )
