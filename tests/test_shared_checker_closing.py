"""SharedChecker's close: the calls that it finishes, ends and refuses."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import bcrypt_batch
from bcrypt_batch import CheckerClosed, SharedChecker, client, listening
from tests.processes import PATIENCE_S
from tests.serving import serving, until

HASH = bcrypt_batch.hashpw(b"right", b"$2b$04$" + b"." * 22)
SLOW = HASH.replace(b"$04$", b"$10$")
ENDLESS = HASH.replace(b"$04$", b"$31$")


@pytest.fixture
def when_closing_waits(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Have something done whenever `close` has seen a call that goes on."""
    seen = client.Client.is_idle.fget  # type: ignore[attr-defined]

    def install(act: Callable[[], object]) -> None:
        def is_idle(self: client.Client) -> bool:
            return bool(seen(self) or act())

        monkeypatch.setattr(client.Client, "is_idle", property(is_idle))

    return install


def test_closing_waits_for_a_call_that_has_no_connection_yet(
    when_closing_waits: Callable[[Callable[[], object]], None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Else the call would go on after the end, neither refused nor waited for."""
    connecting, waited_for = threading.Event(), threading.Event()

    def user_of_server(connection: socket.socket) -> int:
        connecting.set()
        waited_for.wait(PATIENCE_S)
        return listening.user_of_server(connection)

    with serving(tmp_path) as server, ThreadPoolExecutor(1) as threads:
        checker = server.checker()
        monkeypatch.setattr(client, "user_of_server", user_of_server)
        when_closing_waits(waited_for.set)
        call = threads.submit(checker.check, b"right", HASH)
        assert connecting.wait(PATIENCE_S)
        try:
            checker.close()
            assert waited_for.is_set()
            assert call.result()
        finally:
            waited_for.set()


def test_a_call_that_loses_its_server_while_closing_waits_is_finished(
    when_closing_waits: Callable[[Callable[[], object]], None], tmp_path: Path
) -> None:
    with serving(tmp_path) as server, ThreadPoolExecutor(1) as threads:
        checker = server.checker(when_away="compute")

        def kill() -> None:
            if server.process.poll() is None:
                server.end(signal.SIGKILL)

        server.process.send_signal(signal.SIGSTOP)
        call = threads.submit(checker.check, b"right", HASH)
        until(lambda: checker._client._connections)
        when_closing_waits(kill)
        checker.close()
        assert call.result()


def test_closing_without_waiting_ends_a_call_that_is_computed_here(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as threads:
        checker = SharedChecker(tmp_path / "socket", max_cost=31)
        call = threads.submit(checker.check, b"right", ENDLESS)
        until(lambda: checker._own.stats().in_flight)
        checker.close(wait=False)
        with pytest.raises(CheckerClosed):
            call.result()


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_closing_waits_for_no_call_that_an_exception_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C may come while a call ends; what it left can't end any more."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with serving(tmp_path) as server:
        checker = server.checker()
        with monkeypatch.context() as patched:
            patched.setattr(client.Client, "drop", interrupted)
            patched.setattr(client.Client, "end", interrupted)
            with pytest.raises(KeyboardInterrupt):
                checker.check(b"right", HASH)
        gc.collect()
        assert checker._client.is_idle


def test_closing_waits_for_no_call_of_a_closed_loop(tmp_path: Path) -> None:
    """It can't end, and only a collection would free it."""
    gc.disable()
    try:
        checker = SharedChecker(tmp_path / "socket", max_cost=31)
        loop = asyncio.new_event_loop()
        call = loop.create_task(checker.check_async(b"right", ENDLESS))
        call._log_destroy_pending = False  # type: ignore[attr-defined]
        loop.run_until_complete(asyncio.sleep(0.05))
        assert not checker._client.is_idle
        loop.close()
        assert checker._client.is_idle
        checker.close(wait=False)
        del call
    finally:
        gc.enable()


@pytest.mark.parametrize("wait", [True, False])
def test_closing_in_a_loop_waits_for_none_of_its_calls(wait: bool, tmp_path: Path) -> None:
    """They can't end before the loop goes on."""

    async def close(checker: SharedChecker) -> Any:
        call = asyncio.ensure_future(checker.check_async(b"right", SLOW))
        await asyncio.sleep(0)
        assert checker._client._connections
        assert checker._client.is_idle
        checker.close(wait=wait)
        return (await asyncio.gather(call, return_exceptions=True))[0]

    with serving(tmp_path) as server:
        made = asyncio.run(close(server.checker()))
    assert made is False if wait else isinstance(made, bcrypt_batch.CheckerClosed)
