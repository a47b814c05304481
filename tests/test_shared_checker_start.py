"""SharedChecker: one server for all, started by the first that needs it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import bcrypt_batch
from bcrypt_batch import CheckerAway, SharedChecker
from tests.processes import check_program
from tests.serving import servers_at, until

HASH = bcrypt_batch.hashpw(b"right", b"$2b$04$" + b"." * 22)


def test_the_first_of_many_processes_starts_the_server(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with ThreadPoolExecutor(6) as threads:
        asked = [threads.submit(check_program, "shared/start", path, HASH.hex()) for _ in range(6)]
        assert {call.result() for call in asked} == {""}
    (server,) = servers_at(path)
    assert os.getsid(server) not in (os.getsid(0), 0)
    assert os.readlink(f"/proc/{server}/fd/2") == "/dev/null"
    os.kill(server, signal.SIGKILL)
    with SharedChecker(path, start=True, when_away="raise") as checker:
        until(lambda: not os.path.exists(f"/proc/{server}"))
        assert checker.check(b"right", HASH)
        assert asyncio.run(checker.check_async(b"right", HASH))
    path.unlink()  # so that it ends


def test_a_server_that_does_not_start_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/python-that-is-missing")
    path = tmp_path / "socket"
    with SharedChecker(path, start=True) as checker:
        assert checker.check(b"right", HASH)
        assert checker.stats().computed_here == 1
    with (
        SharedChecker(path, start=True, when_away="raise") as checker,
        pytest.raises(CheckerAway, match="none starts"),
    ):
        checker.check(b"right", HASH)
    assert not path.exists()
