"""Exceptions at any moment: from Ctrl-C, signal handlers and progress, and several in a row."""

from __future__ import annotations

import os
import signal

import pytest

from tests.processes import check_program, run_program

# The number of moments; each is cheap, but `make test` has little time.
INTERRUPTS = int(os.environ.get("INTERRUPTS", "75"))


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c(workers: int) -> None:
    """The batch would take minutes: the test passes if it ends."""
    took_ms, unprocessed = check_program("interrupts/by_ctrl_c", workers).split()
    assert unprocessed == "20"
    print(f"Ctrl-C took {took_ms} ms with {workers} workers")


def test_ctrl_c_in_hashpw() -> None:
    assert run_program("interrupts/hashpw_by_ctrl_c").returncode == -signal.SIGINT


@pytest.mark.parametrize("seed", [1, 2])
def test_interrupts_at_random_moments(seed: int) -> None:
    """No batch goes on, no thread remains, no result is lost or half written."""
    output = check_program("interrupts/storm", seed, INTERRUPTS)
    print(output)
    for kind in ("with a result", "items finished", "handlers that hash", "second exceptions"):
        assert f"'{kind}'" in output


def test_an_interrupt_while_a_large_batch_is_prepared() -> None:
    """Interrupted by a timer that starts after the checks of arguments."""
    check_program("interrupts/preparation_by_a_timer")


def test_a_deadline_while_a_large_batch_is_prepared() -> None:
    check_program("interrupts/preparation_by_a_deadline")


def test_exceptions_that_follow_each_other_for_ever_do_not_hang() -> None:
    check_program("interrupts/endless_exceptions")


@pytest.mark.parametrize("workers", [1, 2])
def test_an_asynchronous_exception_ends_a_batch(workers: int) -> None:
    """Frameworks that limit a request's time raise into its thread so."""
    check_program("interrupts/by_another_thread", workers)


@pytest.mark.parametrize("kept", [1, 2])
def test_no_worker_is_in_a_batch_that_an_exception_has_left(kept: int) -> None:
    """Else threads, the shared pool's too, would write to memory that is read and freed."""
    check_program("interrupts/no_worker_stays_in_a_batch", kept)
