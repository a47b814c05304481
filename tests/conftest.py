"""Fixtures shared by all tests."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

import bcrypt_batch
from bcrypt_batch import _native
from tests.examples import examples
from tests.kernels import LINUX, WARNINGS, CompileKernel

if TYPE_CHECKING:
    from emulator.function import Emulator

# No example fails because it takes long: the machine may be busy, or emulated.
settings.register_profile(
    "untimed",
    deadline=None,
    max_examples=min(100, examples(100)),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("untimed")

# A shell starts background jobs with SIGINT ignored, and nohup SIGHUP; the programs that tests
# start and interrupt would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


# Of the wheel's tests those that need what macOS lacks: /proc, limits on address space, LD_PRELOAD,
# ELF, libgomp, start_up.c, the server. Documents are tested on Linux only, too.
LINUX_FILES = [
    f"test_{subject}.py"
    for subject in (
        *("adversity", "blocks", "checker_storm", "documented", "emulator", "forks", "handler"),
        *("hardening", "kernel_alone", "libxcrypt", "pools", "secrets", "server_alone", "servers"),
        *("shared_batch", "shared_checker", "shared_checker_faults", "shared_checker_storm"),
        *("shortage", "system", "workers"),
    )
]
LINUX_TESTS = {
    "test_checker.py": [
        "test_a_first_call_holds_up_nobody_while_it_makes_threads",
        "test_a_fork_by_a_signal_handler",
        "test_ends_its_threads_and_needs_none_before_the_first_call",
        "test_its_threads_stay_until_the_last_closer_has_seen_them_end",
        "test_the_child_has_an_empty_one_that_works",
        "test_unclosed_ones_are_said_so_and_end",
    ],
    "test_checker_asyncio.py": [
        "test_a_child_after_fork_has_loops_of_its_own",
        "test_a_child_after_fork_makes_a_mailbox_of_its_own_for_a_loop_that_looks_like_the_parents",
        "test_a_loop_watches_while_it_has_calls_and_programs_it_starts_inherit_nothing",
        "test_an_exception_at_every_line_costs_no_other_call_its_answer",
        "test_loops_that_are_closed_in_the_middle_leave_nothing",
        "test_many_loops_leave_nothing_open",
        "test_too_little_memory",
        "test_too_many_open_files",
        "test_under_uvloop",
        "test_what_a_child_after_fork_drops_leaves_the_parent_s_loop_alone",
    ],
    "test_interrupts.py": ["test_interrupts_at_random_moments"],
    "test_kernel.py": [
        "test_a_failed_self_test_fails_the_import",
        "test_no_other_kernel_computes_before_it_has_passed",
        "test_vector_lanes_are_for_zen_5",
    ],
    "test_threads.py": [
        "test_import_in_a_thread_with_the_smallest_stack",
        "test_import_is_light",
        "test_libgomp_is_loaded_with_our_settings_alone",
        "test_more_workers_than_cpus",
        "test_openmp_settings_of_the_host_are_kept_away",
    ],
}
collect_ignore = [] if LINUX else LINUX_FILES


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items if not LINUX else ():
        if item.name.partition("[")[0] in LINUX_TESTS.get(item.path.name, ()):
            item.add_marker(pytest.mark.skip(reason="needs Linux: see conftest.py"))


@pytest.fixture(autouse=True)
def _no_worker_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests ignore a setting of the user's."""
    for name in ("BCRYPT_BATCH_WORKERS", "WORKER_COUNT"):
        monkeypatch.delenv(name, raising=False)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`kernel`: every compiled variant that this CPU can run; `lanes`: every lane count of it."""
    kernels = bcrypt_batch.kernels().supported
    if {"kernel", "lanes"} <= set(metafunc.fixturenames):
        each = [(kernel, n) for kernel in kernels for n in range(1, _native.max_lanes(kernel) + 1)]
        ids = [f"{kernel}-lanes{n}" for kernel, n in each]
        metafunc.parametrize(("kernel", "lanes"), each, ids=ids)
    elif "kernel" in metafunc.fixturenames:
        metafunc.parametrize("kernel", kernels)


@pytest.fixture(scope="session")
def compile_kernel(tmp_path_factory: pytest.TempPathFactory) -> CompileKernel:
    """Compile the kernel once for all processes that run the tests."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    sources = map(str, (Path(__file__).parent.parent / "ext" / "kernel").glob("*.c"))
    flags = ["-std=c11", "-Wconversion", *WARNINGS, "-fstack-usage", "-pthread", "-c", *sources]

    def compiled(compiler: str, level: str) -> Path:
        folder = shared / f"kernel-{compiler}{level}"
        with open(f"{folder}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                making = Path(f"{folder}.making")
                making.mkdir()
                subprocess.run([compiler, level, *flags], check=True, cwd=making)
                making.rename(folder)
        return folder

    return compiled


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """The handler behind the real emulator, with two threads whatever this machine has."""
    from emulator.function import Emulator

    with Emulator(environment={"WORKER_COUNT": "2"}) as running:
        yield running
