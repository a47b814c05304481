"""The threads of batches: which are started, which are kept, and what if they are refused."""

from __future__ import annotations

import pytest

import bcrypt_batch
from tests.examples import THOROUGH
from tests.processes import check_program, check_python, program, run, skip_beside_emulators_threads


def test_the_threads_of_a_batch_end_with_it() -> None:
    check_program("pools/end_with_the_batch")


def test_started_workers_stay_and_are_used_by_all_calls_that_fit() -> None:
    check_program("pools/stay_and_are_used")


def test_signals_are_left_to_the_callers_threads() -> None:
    """All signals but those of a fault, which go to the thread at fault."""
    skip_beside_emulators_threads("it changes their masks as it needs")
    check_program("pools/block_signals")


def test_one_pool_at_most_is_kept_and_stopping_ends_it() -> None:
    check_program("pools/replace_and_stop")


def test_a_pool_that_is_stopped_at_work_finishes_its_batch() -> None:
    check_program("pools/stop_at_work")


def test_many_callers_with_many_workers_leave_nothing_behind() -> None:
    check_program("pools/many_callers", 40 if THOROUGH else 12)


def test_a_greenlet_may_leave_a_batch_and_come_back() -> None:
    """Its C stack is moved away meanwhile: workers must not write to it."""
    pytest.importorskip("greenlet")
    check_program("pools/leave_by_greenlet")


def run_short_of_threads(name: str, room: int, *arguments: str) -> str:
    """Run a program where the address space has room for as many stacks; return its output."""
    command = program(f"pools/{name}", room, *arguments)
    done = run(["sh", "-c", 'ulimit -s 262144; exec "$0" "$@"', *command])
    if done.stderr == "no limit\n":
        pytest.skip("no limit on address space is enforced here, as under qemu's emulation")
    assert done.returncode == 0, done.stderr
    return done.stdout


# One thread is the pool's leader, and one must be spare.
@pytest.mark.parametrize("start", [False, True])
@pytest.mark.parametrize(("room", "workers"), [(0, 1), (1, 1), (2, 1), (3, 2), (4, 3)])
def test_fewer_workers_where_threads_are_refused(room: int, workers: int, start: bool) -> None:
    """libgomp would end the process; we warn, and compute with the threads that we got."""
    said = run_short_of_threads("fewer_workers", room, *["start"] * start)
    refused = f"the system refused threads: {workers} instead of 6 workers, because of "
    limit = "RLIMIT_AS, the limit on address space"
    counts, message = said.split(" the system", 1)
    assert counts == (f"{workers} {workers} 2" if start else f"{workers} 1")
    assert f"the system{message}".startswith(refused + limit)


def test_a_checker_that_is_refused_every_thread_says_which_limit_is_in_the_way() -> None:
    said = run_short_of_threads("checker_without_threads", 0)
    assert said.startswith(
        "the system refused threads: 0 instead of 6 workers, because of RLIMIT_AS"
    )


@pytest.mark.parametrize("name", ["OMP_STACKSIZE", "GOMP_STACKSIZE"])
def test_stacks_too_large_for_memory_do_not_matter(name: str) -> None:
    check_python(
        "import bcrypt_batch as b; r = b.hash_many([b'pw'] * 20, cost=4, workers=3);"
        "assert r.complete and r.stats.workers in (1, 3), r.stats",
        **{name: "900T", "PYTHONWARNINGS": "ignore"},
    )


def test_small_python_stacks_do_not_matter() -> None:
    check_program("pools/small_python_stacks")


def test_bad_numbers_of_workers() -> None:
    with pytest.raises(ValueError, match="workers must be from 1 to 1024, not 0"):
        bcrypt_batch.start_workers(0)
    with pytest.raises(TypeError, match="workers must be an int, not str"):
        bcrypt_batch.start_workers("2")  # type: ignore[arg-type]


def test_a_checker_that_is_refused_some_threads_counts_on_no_lanes_of_theirs() -> None:
    accepted, refused, threads = run_short_of_threads("checker_with_some_threads", 3).split()
    assert 0 < int(threads) < 6
    assert (int(accepted), int(refused)) == (int(threads) + 1, 9 - int(threads) - 1)


def test_a_warning_made_an_error_loses_nothing() -> None:
    run_short_of_threads("warning_as_error", 1)


def test_stacks_of_a_libgomp_that_was_there_before() -> None:
    """It was loaded with the host's settings: the test threads get stacks of that size."""
    maps = check_python("import bcrypt_batch; print(open('/proc/self/maps').read())")
    paths = [line.split()[-1] for line in maps.splitlines() if "libgomp" in line]
    if not paths:
        pytest.skip("no libgomp in this build")
    output = check_program("pools/libgomp_loaded_before", paths[0], OMP_STACKSIZE="1G")
    if output == "6 0\n":
        pytest.skip("no limit on address space is enforced here, as under qemu's emulation")
    assert output in ("1 1\n", "2 1\n")
