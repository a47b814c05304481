"""Which threads compute, beside which others, and what the extension's loading leaves alone."""

from __future__ import annotations

import os
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import bcrypt
import pytest

from bcrypt_batch import hash_many, verify_many
from bcrypt_batch.loading import stack_bytes
from tests.processes import SMALLEST_STACK, check_python, run_python


def test_parallel_mode_uses_several_threads_and_none_of_ours() -> None:
    result = hash_many([b"pw"] * 24, cost=8, workers=3, lanes=2)
    ids = result.stats.thread_ids
    assert 2 <= len(set(ids)) == len(ids) == result.stats.threads_used <= 3
    assert threading.get_native_id() not in ids


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


HOST_SETTINGS = {
    "OMP_PROC_BIND": "true",
    "OMP_PLACES": "{0}",
    "GOMP_CPU_AFFINITY": "0",
    "OMP_STACKSIZE": "64G",
    "OMP_NUM_THREADS": "1",
    "OMP_THREAD_LIMIT": "1",
    "OMP_DYNAMIC": "true",
    "OMP_SCHEDULE": "static",
    "GOMP_SPINCOUNT": "77",
    "OMP_WAIT_POLICY": "active",
}


@pytest.mark.parametrize("name", [*HOST_SETTINGS, "all"])
def test_openmp_settings_of_the_host_are_kept_away(name: str) -> None:
    """They bind neither this process nor our threads, and stay as they were for others."""
    settings = HOST_SETTINGS if name == "all" else {name: HOST_SETTINGS[name]}
    check_python(
        f"""
import os, subprocess, sys
before = os.sched_getaffinity(0), dict(os.environ)
import bcrypt_batch
assert (os.sched_getaffinity(0), dict(os.environ)) == before
values = bcrypt_batch.hash_many([b"pw"] * 40, cost=8, workers=3, lanes=1)
assert values.stats.threads_used == 3, values.stats
assert os.sched_getaffinity(0) == before[0]
child = "import os; print(*(os.environ.get(name) for name in {list(settings)}), sep=chr(10))"
seen = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True).stdout
assert seen.split(chr(10))[:-1] == {list(settings.values())}, seen
""",
        **settings,
    )


def test_libgomp_is_loaded_with_our_settings_alone() -> None:
    """What it says of itself, with the setting let through that makes it say so."""
    done = run_python(
        """
import os
hide = os.unsetenv
os.unsetenv = lambda name: name == "OMP_DISPLAY_ENV" or hide(name)
import bcrypt_batch
""",
        **{**HOST_SETTINGS, "OMP_DISPLAY_ENV": "VERBOSE"},
    )
    assert "GOMP_SPINCOUNT = '0'" in done.stderr
    assert "OMP_PROC_BIND = 'FALSE'" in done.stderr
    assert "OMP_DYNAMIC = 'FALSE'" in done.stderr
    assert "OMP_THREAD_LIMIT = '1'" not in done.stderr


def test_the_environment_is_restored_where_the_import_fails() -> None:
    check_python(
        """
import os, sys
sys.modules["bcrypt_batch._native"] = None
try:
    import bcrypt_batch
except ImportError:
    pass
else:
    raise SystemExit("imported")
import subprocess
child = "import os; print(os.environ.get('OMP_PLACES'), os.environ.get('GOMP_SPINCOUNT'))"
print(subprocess.run([sys.executable, "-c", child], capture_output=True, text=True).stdout)
assert subprocess.run([sys.executable, "-c", child], capture_output=True, text=True).stdout == (
    "{0} None\\n")
""",
        OMP_PLACES="{0}",
    )


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("", 0),
        ("64", 64 << 10),
        ("64B", 64),
        (" 64 k ", 64 << 10),
        ("2M", 2 << 20),
        ("1G", 1 << 30),
        ("G", 0),
        ("-1", 0),
        ("lots", 0),
        ("\u0664K", 0),
        ("9" * 12, 999_999_999_999 << 10),
        ("9" * 13, 0),
    ],
)
def test_stack_sizes_as_openmp_writes_them(setting: str, expected: int) -> None:
    assert stack_bytes(setting) == expected


def test_import_in_a_thread_with_the_smallest_stack() -> None:
    check_python(
        SMALLEST_STACK
        + """
def use():
    import bcrypt_batch
    assert all(bcrypt_batch.hash_many([b"pw"] * 40, cost=4, workers=3).values)
    assert bcrypt_batch.checkpw(b"pw", bcrypt_batch.hashpw(b"pw", bcrypt_batch.gensalt(4)))
    done.append(True)
done = []
thread = threading.Thread(target=use)
thread.start()
thread.join()
assert done
"""
    )


@pytest.mark.parametrize("when", ["atexit", "daemon", "thread"])
def test_batches_at_the_end_of_the_interpreter(when: str) -> None:
    code = """
import atexit, sys, threading, time
import bcrypt_batch
def use():
    assert all(bcrypt_batch.hash_many([b"pw"] * 40, cost=4, workers=3).values)
    print("done", flush=True)
def use_without_end():
    bcrypt_batch.hash_many([b"pw"] * 40, cost=18, workers=3)
"""
    ends = {
        "atexit": "atexit.register(use)",
        "daemon": "threading.Thread(target=use_without_end, daemon=True).start(); time.sleep(0.1)"
        "; print('done')",
        "thread": "threading.Thread(target=lambda: (time.sleep(0.1), use())).start()",
    }
    assert check_python(code + ends[when]) == "done\n"


SUBINTERPRETER = """
import bcrypt_batch
assert all(bcrypt_batch.hash_many([b"pw"] * 4, cost=4, workers=2).values)
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
id = interpreters.create()
run = getattr(interpreters, "exec", None) or interpreters.run_string
run(id, INSIDE)
interpreters.destroy(id)
assert all(bcrypt_batch.hash_many([b"pw"] * 4, cost=4, workers=2).values)
"""
INSIDE = """
try:
    import bcrypt_batch
except ImportError as error:
    print("refused:", error)
else:
    print("works:", all(bcrypt_batch.hash_many([b"pw"] * 4, cost=4, workers=2).values))
"""


def test_subinterpreters_are_refused_with_a_reason() -> None:
    """Not by an abort, neither at the import nor at the end of the subinterpreter."""
    output = check_python(f"INSIDE = {INSIDE!r}\n{SUBINTERPRETER}", PYTHONWARNINGS="ignore")
    assert re.match("refused: .*interpreter.*WSGIApplicationGroup %{GLOBAL}", output), output


def test_import_is_light() -> None:
    """A cold start pays for every module; these cost more than everything of ours."""
    code = "import sys; old = {*sys.modules}; import bcrypt_batch; print(*{*sys.modules} - old)"
    loaded = set(run_python(code).stdout.split())
    assert "bcrypt_batch._native" in loaded
    assert not loaded & {"inspect", "typing", "dataclasses", "threading", "re", "bcrypt"}
    assert not loaded & {"collections", "operator"}  # what they need of them Python has loaded
