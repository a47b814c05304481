"""Faults around SharedChecker: what happens to the calls, to other clients, and what is left."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import os
import resource
import secrets
import signal
import socket
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import bcrypt_batch
from bcrypt_batch import CheckerAway, CheckerFull, SharedChecker, listening, protocol
from tests.examples import thorough
from tests.processes import PATIENCE_S, PROJECT, check_program, program
from tests.serving import Serving, servers_at, serving, until
from tests.test_secrets import as_words, writable_memory

HASH = bcrypt_batch.hashpw(b"right", b"$2b$04$" + b"." * 22)
SLOW = HASH.replace(b"$04$", b"$10$")
COSTLY = HASH.replace(b"$04$", b"$14$")


def connect(server: Serving, message: bytes = b"") -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(server.path)
    connection.sendall(message)
    return connection


def test_a_killed_server_is_found_again_by_the_calls_in_flight(tmp_path: Path) -> None:
    """By those that wait for its return, and computed by those that don't."""
    with (
        serving(tmp_path) as server,
        ThreadPoolExecutor(4) as threads,
        server.checker() as away,
        server.checker(when_away="compute") as here,
    ):
        calls = [threads.submit(each.check, b"right", COSTLY) for each in (away, here)]
        until(lambda: here.stats().in_flight == 2)
        server.end(signal.SIGKILL)
        with pytest.raises(CheckerAway, match="no server at"):
            calls[0].result()
        assert calls[1].result() is False
        assert here.stats().computed_here == 1
        with serving(tmp_path):
            assert away.check(b"right", HASH)


@thorough
def test_a_start_outlives_a_storm_of_kills(tmp_path: Path) -> None:
    """Each call is answered once, rightly, by one of many servers."""
    path = tmp_path / "socket"
    ended = threading.Event()

    def ask(checker: SharedChecker) -> int:
        count = 0
        while not ended.is_set():
            assert checker.check(b"right", HASH)
            assert not checker.check(b"wrong", HASH)
            count += 1
        return count

    with (
        SharedChecker(path, start=True) as checker,
        ThreadPoolExecutor(3) as threads,
    ):
        calls = [threads.submit(ask, checker) for _ in range(3)]
        for _ in range(2):
            until(lambda: servers_at(path))
            for server in servers_at(path):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(server, signal.SIGKILL)
            until(lambda: checker.check(b"right", HASH))
        ended.set()
        assert all(call.result() > 0 for call in calls)
        until(lambda: checker.check(b"right", HASH) and checker.stats().served)
    os.unlink(path)


def test_a_full_disk_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No lock file can be made: calls are computed here, or raise with the reason."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(listening.os, "open", full)  # type: ignore[attr-defined]
    with SharedChecker(tmp_path / "socket", start=True) as here:
        assert here.check(b"right", HASH)
    with (
        SharedChecker(tmp_path / "socket", start=True, when_away="raise") as checker,
        pytest.raises(CheckerAway, match="No space left on device"),
    ):
        checker.check(b"right", HASH)


def test_connections_beyond_a_clients_part_are_refused_to_it_only(tmp_path: Path) -> None:
    limit = 200
    with serving(tmp_path, preexec_fn=lambda: limit_descriptors(limit)) as server:
        part = (limit - 32) // 4 + 1
        held = [connect(server) for _ in range(part)]
        until(lambda: server.open_now()[0] > part)
        with server.checker() as flooding, pytest.raises(CheckerFull):
            flooding.check(b"right", HASH)
        check_program("shared/check", server.path, HASH.hex())
        for connection in held:
            connection.close()
        until(lambda: server.open_now()[0] < part)
        assert server.checker().check(b"right", HASH)


def limit_descriptors(count: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


def test_a_server_without_descriptors_goes_on_when_it_has_some(tmp_path: Path) -> None:
    """Connections wait in the socket's backlog, and calls until they are late."""
    with serving(tmp_path) as server, server.checker() as checker:
        assert checker.check(b"right", HASH)
        opened, _ = server.open_now()
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (opened + 2, opened + 2))
        held = [connect(server) for _ in range(5)]
        with ThreadPoolExecutor(1) as threads:
            call = threads.submit(checker.check, b"right", HASH)
            until(lambda: server.open_now()[0] == opened + 2)
            assert not call.done()
            for connection in held:
                connection.close()
            assert call.result()


def test_a_client_without_descriptors_computes_itself(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        check_program("shared/without_descriptors", server.path, HASH.hex())


def test_a_stopped_client_harms_nobody(tmp_path: Path) -> None:
    """With calls in flight; it gets its answers when it goes on."""
    with (
        serving(tmp_path) as server,
        server.checker() as checker,
        subprocess.Popen(
            program("shared/check", server.path, SLOW.hex(), 8), cwd=PROJECT
        ) as stopped,
    ):
        until(lambda: checker.stats().in_flight)
        stopped.send_signal(signal.SIGSTOP)
        assert checker.check(b"right", HASH)
        until(lambda: checker.stats().in_flight == 0)
        stopped.send_signal(signal.SIGCONT)
        assert stopped.wait(PATIENCE_S) == 0


def test_a_stopped_server_holds_up_a_call_until_its_timeout(tmp_path: Path) -> None:
    with serving(tmp_path) as server, server.checker() as checker:
        server.process.send_signal(signal.SIGSTOP)
        with pytest.raises(bcrypt_batch.CheckerTimeout):
            checker.check(b"right", HASH, timeout=0.1)
        server.process.send_signal(signal.SIGCONT)
        assert checker.check(b"right", HASH)


def test_a_flood_of_items_does_not_starve_a_login(tmp_path: Path) -> None:
    """Another client's check begins with its next turn, while hundreds of items wait."""
    with serving(tmp_path) as server, server.checker() as checker:
        with subprocess.Popen(
            program("shared/flood", server.path, SLOW.hex()), cwd=PROJECT
        ) as flood:
            until(lambda: checker.stats().waiting > 500)
            assert checker.check(b"right", HASH)
            assert checker.stats().waiting > 500
            flood.kill()
        until(lambda: checker.stats().waiting == checker.stats().in_flight == 0)


def test_no_password_stays_in_the_servers_memory(tmp_path: Path) -> None:
    """Of calls that ended in any way, and of requests that never became whole."""
    password = secrets.token_bytes(40)
    digests = bcrypt_batch.hashpw(password, HASH)[29:]
    forms = [password, as_words(password), digests]
    parts = [form[i : i + 8] for form in forms for i in range(0, len(form) - 7, 4)]
    endless = HASH.replace(b"$04$", b"$30$")
    message = bytes(protocol.request([(password, endless[:29])] * 2, even_if_full=False))
    with serving(tmp_path, "--max-cost", "30") as server, server.checker(max_cost=31) as checker:

        def found() -> list[bytes]:
            memory = writable_memory(server.process.pid)
            return [part for part in parts if part in memory]

        def found_while_half_came() -> list[bytes]:
            with connect(server, message[:-60]):
                return found()

        # In a lane, as words. Half a message is kept for a second; a search may take longer.
        until(found_while_half_came)
        assert not checker.check(password, HASH)
        checker.hash_all_under([password] * 20, [HASH] * 20)
        with pytest.raises(bcrypt_batch.CheckerTimeout):
            checker.check(password, endless, timeout=0.05)
        with pytest.raises(ValueError, match="cost"):
            checker.check(password, HASH.replace(b"$04$", b"$31$"))
        until(lambda: checker.stats().in_flight == 0)
        assert found() == []


def test_rubbish_and_half_messages_harm_nobody(tmp_path: Path) -> None:
    message = bytes(protocol.request([(b"right", SLOW[:29])] * 9, even_if_full=True))
    with serving(tmp_path) as server, server.checker() as checker:
        until(lambda: checker.stats().served)
        before = server.open_now()
        held: list[Any] = [connect(server, message[:cut]) for cut in range(0, len(message), 60)]
        held += [connect(server, secrets.token_bytes(500)) for _ in range(20)]
        held += [connect(server, message) for _ in range(5)]
        assert checker.check(b"right", HASH)
        for connection in held:
            connection.close()
        until(lambda: server.open_now() <= before)
        until(lambda: checker.stats().waiting == checker.stats().in_flight == 0)


def test_a_server_whose_file_went_before_it_ran_ends(tmp_path: Path) -> None:
    """Else its lock would keep all others from starting one."""
    path = str(tmp_path / "socket")
    with listening.listen(path) as made:
        os.unlink(path)
        assert not made.is_there
        with listening.inherited(os.dup(made.socket.fileno()), path) as late:
            assert not late.is_there


@pytest.mark.parametrize("call", ["check", "check_async"])
def test_a_call_computed_here_leaves_no_password_to_the_garbage_collector(
    call: str, tmp_path: Path
) -> None:
    """An exception that its own frames refer to would keep them, and their locals."""

    def kept() -> int:
        return sum(type(each) is CheckerAway for each in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        with SharedChecker(tmp_path / "socket") as checker:
            made = getattr(checker, call)(b"right", HASH)
            assert made is True or asyncio.run(made)
            del made
            assert kept() == 0
    finally:
        gc.enable()


@pytest.mark.parametrize("asks", ["thread", "loop"])
def test_a_call_that_may_wait_waits_for_a_connection_too(asks: str, tmp_path: Path) -> None:
    limit = 100
    with (
        serving(tmp_path, preexec_fn=lambda: limit_descriptors(limit)) as server,
        server.checker(when_full="wait") as checker,
        ThreadPoolExecutor(1) as threads,
    ):
        held = [connect(server) for _ in range((limit - 32) // 4 + 1)]
        with pytest.raises(bcrypt_batch.CheckerTimeout):
            checker.check(b"right", HASH, timeout=0.05)
        call = threads.submit(
            checker.check
            if asks == "thread"
            else lambda *given: asyncio.run(checker.check_async(*given)),
            b"right",
            HASH,
        )
        for connection in held:
            connection.close()
        assert call.result()


@pytest.mark.parametrize("asks", ["thread", "loop"])
def test_a_lost_server_ends_no_process_by_sigpipe(asks: str) -> None:
    """Programs that write to pipes often have SIGPIPE's default back, which ends a process."""
    check_program("shared/default_sigpipe", asks)
