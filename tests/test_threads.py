"""Which threads compute, also beside other threads; loading the extension changes nothing else."""

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
from tests.examples import THOROUGH
from tests.processes import PROGRAMS, check_program, run_program, run_python


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


@pytest.mark.parametrize("name", ["all", *HOST_SETTINGS] if THOROUGH else ["all"])
def test_openmp_settings_of_the_host_are_kept_away(name: str) -> None:
    """The settings bind neither this process nor our threads, and stay unchanged for others."""
    settings = HOST_SETTINGS if name == "all" else {name: HOST_SETTINGS[name]}
    check_program("threads/hide_hosts_settings", *map("=".join, settings.items()), **settings)


def test_libgomp_is_loaded_with_our_settings_alone() -> None:
    """libgomp's report of its settings; the variable that asks for it is let through."""
    done = run_program("threads/show_libgomps_settings", **HOST_SETTINGS, OMP_DISPLAY_ENV="VERBOSE")
    assert "GOMP_SPINCOUNT = '0'" in done.stderr
    assert "OMP_PROC_BIND = 'FALSE'" in done.stderr
    assert "OMP_DYNAMIC = 'FALSE'" in done.stderr
    assert "OMP_THREAD_LIMIT = '1'" not in done.stderr


def test_the_environment_is_restored_where_the_import_fails() -> None:
    assert check_program("threads/fail_to_import", OMP_PLACES="{0}") == "{0} unset\n"


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
    check_program("threads/import_with_the_smallest_stack")


@pytest.mark.parametrize("when", ["atexit", "daemon", "thread"])
def test_batches_at_the_end_of_the_interpreter(when: str) -> None:
    assert check_program("threads/end_with_a_batch", when) == "done\n"


def test_subinterpreters_are_refused_with_a_reason() -> None:
    """Without an abort, at the import or at the end of the subinterpreter."""
    output = check_program(
        "threads/subinterpreter",
        PROGRAMS / "threads/inside_a_subinterpreter.py",
        PYTHONWARNINGS="ignore",
    )
    assert re.match("refused: .*interpreter.*WSGIApplicationGroup %{GLOBAL}", output), output


def test_import_is_light() -> None:
    """Every module lengthens a cold start; these take longer than all of ours."""
    code = "import sys; old = {*sys.modules}; import bcrypt_batch; print(*{*sys.modules} - old)"
    loaded = set(run_python(code).stdout.split())
    assert "bcrypt_batch._native" in loaded
    assert not loaded & {"inspect", "typing", "dataclasses", "threading", "re", "bcrypt"}
    assert not loaded & {"collections", "operator"}  # Python itself has loaded these
