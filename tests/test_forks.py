"""Children hash after any kind of fork."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.examples import THOROUGH
from tests.kernels import COMPILER, ENGINES
from tests.processes import PATIENCE_S, check_program, require, skip_beside_emulators_threads


def check(name: str, *arguments: object) -> None:
    # 3.12 and later warn of any fork beside threads.
    check_program(f"forks/{name}", *arguments, PYTHONWARNINGS="ignore")


kept_or_not = pytest.mark.parametrize("kept", ["keep", ""])


@kept_or_not
def test_os_fork_three_times_over(kept: str) -> None:
    check("three_generations", kept)


@kept_or_not
def test_a_fork_from_c_that_python_does_not_see(kept: str) -> None:
    """As by uWSGI: none of Python's hooks run in the child."""
    check("unseen_by_python", kept)


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_multiprocessing(method: str) -> None:
    check("processes_of_a_pool", method)


@kept_or_not
def test_fork_while_other_threads_compute(kept: str) -> None:
    """At any moment, while threads start and end, and pools are taken and returned."""
    skip_beside_emulators_threads("qemu's does not bear such forks")
    check("beside_other_threads", kept, 60 if THOROUGH else 20)


@pytest.mark.parametrize("engine", ENGINES)
def test_fork_while_another_thread_holds_the_locks(engine: str, tmp_path: Path) -> None:
    require(COMPILER)
    program = tmp_path / "driver"
    source = Path(__file__).parent / "pool_driver.c"
    include = source.parent.parent / "ext" / "engine"
    flags = ["-std=c11", "-pthread", f"-I{include}", *ENGINES[engine]]
    subprocess.run([COMPILER, *flags, source, "-o", program], check=True)
    done = subprocess.run([program], capture_output=True, text=True, timeout=PATIENCE_S)
    assert (done.stdout, done.returncode) == ("exit 0, signal 0\n", 0)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_fork_by_progress_ends_the_childs_batch(workers: int) -> None:
    """The child has none of the workers, but their finished results."""
    check("by_progress", workers)


def test_an_exception_in_a_forked_childs_progress() -> None:
    check("failing_progress")
