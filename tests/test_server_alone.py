"""The server without Python: limits, times, clients that leave, and what is left of them."""

from __future__ import annotations

import pytest

from tests.drivers import counts
from tests.kernels import CompileKernel


@pytest.fixture(scope="module")
def counted(compile_kernel: CompileKernel, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The driver's output."""
    return counts("server", "gcc", [], compile_kernel, tmp_path_factory)


def test_a_client_has_a_part_of_the_connections(counted: list[str]) -> None:
    assert "of 40 connections of one client: 11, the next one: reply 3" in counted
    assert "with one of another client: 12" in counted
    assert "left: 0" in counted


def test_clients_that_send_nothing_do_not_keep_out_another(counted: list[str]) -> None:
    """Whose calls are being computed keeps its connections."""
    assert "all taken by silence: a newcomer's reply 0, left 39, refused 0 with 3" in counted
    assert "all taken by calls: a newcomer's reply 3, left 40, refused" in counted


def test_a_request_that_does_not_become_whole_is_dropped(counted: list[str]) -> None:
    assert "half: connections 2, timed 2, later 0, cancelled 1" in counted


def test_who_does_not_read_is_dropped_and_who_reads_late_is_not(counted: list[str]) -> None:
    assert "no reader: blocked 1, left 0, all came 0" in counted
    assert "late reader: blocked 1, left 0, all came 1" in counted


def test_only_calls_keep_a_server_from_being_idle(counted: list[str]) -> None:
    """A flood of refused connections, probes and questions for statistics does not."""
    assert "no call: idle 1, later 1, during a call 0, after it 0" in counted
    assert "turned away: idle 1, later 1, during a call 1, after it 1" in counted


def test_at_its_end_clients_lose_their_connections(counted: list[str]) -> None:
    assert "in the queue: 1, the client's reply: -1" in counted


def test_a_crowd_of_clients_gets_its_own_answers_and_leaves_nothing(counted: list[str]) -> None:
    """However their requests are cut, and beside clients that leave in the middle of theirs."""
    assert "right answers: 115 and 115, figures 30" in counted
    assert "left: connections 0, items 0, peers 0, waiting 0" in counted
