"""Exceptions at any moment: from Ctrl-C, signal handlers and progress, and several in a row."""

from __future__ import annotations

import os
import signal

import pytest

from tests.processes import check_program, run_program

# How many moments are tried; the interrupts are cheap, but `make test` has a minute.
INTERRUPTS = int(os.environ.get("INTERRUPTS", "150"))


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c(workers: int) -> None:
    """The batch would take minutes; that it ends at all is what decides."""
    took_ms, unprocessed = check_program("interrupts/by_ctrl_c", workers).split()
    assert unprocessed == "20"
    print(f"Ctrl-C took {took_ms} ms with {workers} workers")


def test_ctrl_c_in_hashpw() -> None:
    assert run_program("interrupts/hashpw_by_ctrl_c").returncode == -signal.SIGINT


@pytest.mark.parametrize("seed", [1, 2])
def test_interrupts_at_random_moments(seed: int) -> None:
    """No batch goes on, no thread stays, no result is lost or half written."""
    output = check_program("interrupts/storm", seed, INTERRUPTS)
    print(output)
    for kind in ("with a result", "items finished", "handlers that hash", "second exceptions"):
        assert f"'{kind}'" in output


def test_an_interrupt_while_a_large_batch_is_prepared() -> None:
    """By a timer that is set when the checks of arguments are over."""
    check_program("interrupts/preparation_by_a_timer")


def test_a_deadline_while_a_large_batch_is_prepared() -> None:
    check_program("interrupts/preparation_by_a_deadline")


def test_exceptions_that_follow_each_other_for_ever_do_not_hang() -> None:
    check_program("interrupts/endless_exceptions")


@pytest.mark.parametrize("workers", [1, 2])
def test_an_asynchronous_exception_ends_a_batch(workers: int) -> None:
    """As frameworks that limit the time of a request raise into its thread."""
    check_program("interrupts/by_another_thread", workers)


@pytest.mark.parametrize("kept", [1, 2])
def test_no_worker_is_in_a_batch_that_an_exception_has_left(kept: int) -> None:
    """Or it would write to what is read meanwhile, and then freed: of the shared pool too."""
    check_program("interrupts/no_worker_stays_in_a_batch", kept)
