"""Order, fairness and shares of the checker's queue, counted in steps and completions."""

from __future__ import annotations

import pytest

import bcrypt_batch
from bcrypt_batch import CheckerStats, _native
from tests.drivers import counts
from tests.kernels import COMPILER, ENGINES, CompileKernel

QUEUE = _native.Queue(kernel=bcrypt_batch.kernels().chosen, workers=1, lanes=1, max_waiting=0)


@pytest.fixture(scope="module", params=ENGINES)
def counted(
    request: pytest.FixtureRequest,
    compile_kernel: CompileKernel,
    tmp_path_factory: pytest.TempPathFactory,
) -> list[str]:
    """The driver's output."""
    flags = ENGINES[request.param]
    return counts("queue", COMPILER, flags, compile_kernel, tmp_path_factory)


def test_calls_of_all_costs_begin_in_the_order_in_which_they_came(counted: list[str]) -> None:
    assert "began in order: 40" in counted
    assert not any("before call" in line for line in counted)


def test_clients_take_turns(counted: list[str]) -> None:
    """Of a flood as many begin as any other client has: two, and one that was in the lane."""
    assert "of a flood ahead of six calls of three others: 2, in the end 100" in counted
    assert "clients: 2, closed: 0" in counted


def test_a_client_that_fills_the_queue_fills_it_for_itself_only(counted: list[str]) -> None:
    """Twelve may wait beside two in lanes; of two clients six each, of three four each."""
    assert "let in: 14 6 4" in counted


def test_a_costly_call_does_not_starve_behind_cheap_ones(counted: list[str]) -> None:
    """Ten calls came first: eight finish in two steps of four; it begins with the last two.

    At cost 12 it then takes 4096 / 16 steps, as it would alone, while three other lanes finish a
    cheap call in each step.
    """
    assert "cheap calls finished before the costly one began: 8" in counted
    assert "steps from its begin to its end: 256" in counted
    assert "cheap calls finished meanwhile: 768" in counted


def test_workers_share_evenly(counted: list[str]) -> None:
    assert "rounds that were not shared evenly: 0" in counted
    assert "left to the idle one: 1, loads 1 and 1" in counted


def test_workers_that_the_system_refused_have_no_share(counted: list[str]) -> None:
    assert "taken by the only worker: 6" in counted


def test_a_call_that_is_given_up_frees_its_lane_and_harms_no_other(counted: list[str]) -> None:
    assert "the next one took its lane: 1" in counted
    assert "late 1, cancelled 1, finished 4" in counted
    hashes = [line.removeprefix("hash ") for line in counted if line.startswith("hash ")]
    assert len(hashes) == 4
    assert all(bcrypt_batch.checkpw(b"pw", hashed.encode()) for hashed in hashes)


def test_a_child_after_fork_wipes_what_its_parents_threads_have_left(counted: list[str]) -> None:
    assert "in lanes: 1, chosen: 1" in counted
    assert "answer after a fork: 1" in counted
    assert "wiped at their end: 1" in counted
    assert "wiped: 4" in counted


def test_a_child_after_fork_takes_nothing_from_its_parents_mailbox(counted: list[str]) -> None:
    assert "taken in a child: 0" in counted
    assert "taken in its process: 1, token 7" in counted


def test_a_wait_ends_with_its_time(counted: list[str]) -> None:
    assert "waits that ended without an answer: 3" in counted


def test_a_mailbox_is_readable_while_it_has_calls(counted: list[str]) -> None:
    """Also after so many that nobody took that they fill a pipe."""
    assert "readable before, with and without calls: 0, 1, 0" in counted


def test_the_rate_counts_whole_seconds_for_ten_of_them(counted: list[str]) -> None:
    assert "recent, second by second: 0" + 10 * " 2" + 2 * " 0" in counted


def test_times_are_counted_within_a_quarter(counted: list[str]) -> None:
    assert "times in wrong buckets: 0" in counted


def test_percentiles_of_waits_are_those_of_the_times_themselves(counted: list[str]) -> None:
    """Each is its bucket's upper bound; buckets are 25 % wide."""
    assert "percentiles that are wrong: 0" in counted
    assert "percentiles of no times: 1" in counted


def test_percentiles_are_shown_in_seconds() -> None:
    figures = dict.fromkeys(QUEUE.stats(), 0)
    figures |= {"wait_p50_ns": 1_250_000_000, "wait_p95_ns": 2_500_000_000, "wait_p99_ns": 1_000}
    stats = CheckerStats(figures)
    assert (stats.wait_p50_s, stats.wait_p95_s, stats.wait_p99_s) == (1.25, 2.5, 1e-6)
