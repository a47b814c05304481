"""SharedChecker: results, refusals, statistics, and what a call leaves."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import bcrypt_batch
from bcrypt_batch import (
    Checker,
    CheckerAway,
    CheckerClosed,
    CheckerFull,
    CheckerTimeout,
    SharedChecker,
    protocol,
)
from tests.processes import check_program
from tests.serving import Serving, serving, until

HASH = bcrypt_batch.hashpw(b"right", b"$2b$04$" + b"." * 22)
ENDLESS = HASH.replace(b"$04$", b"$31$")
COSTLY = HASH.replace(b"$04$", b"$14$")  # computing it takes seconds


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("shared"), "--max-cost", "31") as running:
        yield running


@pytest.fixture
def checker(server: Serving) -> Iterator[SharedChecker]:
    with server.checker() as shared:
        yield shared
    until(lambda: not server.checker().stats().in_flight)


def outcomes(checker: Checker | SharedChecker) -> list[Any]:
    """What each kind of call gives or raises."""
    calls: list[Any] = [
        lambda: checker.check(b"right", HASH),
        lambda: checker.check(b"wrong", HASH),
        lambda: checker.check(b"", HASH),
        lambda: checker.check(b"x" * 72, HASH),
        lambda: checker.check(b"x" * 73, HASH),
        lambda: checker.check(b"right", b"not a hash"),
        lambda: checker.check("right", HASH),  # type: ignore[arg-type]
        lambda: checker.check(b"right", HASH.replace(b"$04$", b"$31$")),
        lambda: checker.check(b"right", HASH, timeout=-1),
        lambda: checker.hash_under(b"a\0b", b"$2b$04$" + b"." * 22),
        lambda: checker.hash_under(bytes(range(72)), HASH.replace(b"$2b$", b"$2x$")),
        lambda: checker.dummy_check(b"right", cost=4),
        lambda: bcrypt_batch.checkpw(b"new", checker.hash(b"new", cost=5)),
        lambda: asyncio.run(checker.check_async(b"right", HASH)),
        lambda: asyncio.run(checker.check_async(b"wrong", HASH, timeout=60)),
        lambda: asyncio.run(checker.dummy_check_async(b"right", cost=4)),
        lambda: bcrypt_batch.checkpw(b"new", asyncio.run(checker.hash_async(b"new", cost=4))),
    ]
    found: list[Any] = []
    for call in calls:
        try:
            found.append(call())
        except Exception as error:
            found.append((type(error), str(error)))
    return found


def test_calls_give_and_raise_what_a_checkers_do(checker: SharedChecker) -> None:
    with Checker(workers=1) as own:
        assert outcomes(checker) == outcomes(own)


def test_a_request_of_many_items_gives_each_its_own_hash(checker: SharedChecker) -> None:
    """More than a message has, and than may wait."""
    count = protocol.MOST_ITEMS + 300
    passwords = [b"%d" % i for i in range(count)]
    made = checker.hash_all_under(passwords, [HASH] * count)
    assert len({*made}) == count
    for i in range(0, count, count // 20):
        assert made[i] == bcrypt_batch.hashpw(passwords[i], HASH)


def test_what_came_in_time_is_kept(server: Serving) -> None:
    checker = server.checker(max_cost=31)
    made = checker.hash_all_under([b"right", b"late"], [HASH, ENDLESS], timeout=2)
    assert made == [HASH, None]


def test_the_server_may_allow_less(tmp_path: Path) -> None:
    with (
        serving(tmp_path, "--max-cost", "5") as server,
        server.checker() as checker,
        pytest.raises(ValueError, match=r"its --max-cost"),
    ):
        checker.hash(b"", cost=6)


def test_late_and_cancelled_calls_leave_the_server(server: Serving, checker: SharedChecker) -> None:
    before = checker.stats().cancelled
    with pytest.raises(CheckerTimeout):
        checker.check(b"right", COSTLY, timeout=0.05)

    async def cancel() -> None:
        call = asyncio.ensure_future(checker.check_async(b"right", COSTLY))
        await asyncio.sleep(0.05)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        with pytest.raises(CheckerTimeout):
            await checker.check_async(b"right", COSTLY, timeout=0.05)

    asyncio.run(cancel())
    until(lambda: checker.stats().in_flight == 0)
    assert checker.stats().cancelled == before + 3


def test_calls_of_threads_share_lanes(server: Serving) -> None:
    checker = server.checker(max_cost=31)
    with ThreadPoolExecutor(8) as threads:
        calls = [threads.submit(checker.hash, b"", cost=31) for _ in range(8)]
        until(lambda: checker.stats().in_flight == 8)
        checker.close(wait=False)
        assert {type(call.exception()) for call in calls} == {CheckerClosed}


def test_a_full_server_refuses_or_lets_wait(tmp_path: Path) -> None:
    with (
        serving(tmp_path, "--workers", "1", "--lanes", "1", "--max-waiting", "0") as server,
        server.checker() as busy,
        server.checker() as checker,
        server.checker(when_full="wait") as waiting,
        ThreadPoolExecutor(1) as threads,
    ):
        call = threads.submit(busy.hash, b"", cost=14)
        until(lambda: checker.stats().in_flight)
        with pytest.raises(CheckerFull, match="the checker is full"):
            checker.check(b"right", HASH)
        assert not call.done()
        busy.close(wait=False)
        with pytest.raises(CheckerClosed):
            call.result()
        assert waiting.check(b"right", HASH)


def test_closing_refuses_and_ends_calls(server: Serving) -> None:
    checker = server.checker()
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(checker.check, b"right", COSTLY)
        until(lambda: checker.stats().in_flight)
        checker.close(wait=False)
        with pytest.raises(CheckerClosed):
            call.result()
    with pytest.raises(CheckerClosed):
        checker.check(b"right", HASH)
    with pytest.raises(CheckerClosed):
        asyncio.run(checker.check_async(b"right", HASH))
    waited = server.checker()
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(waited.check, b"right", HASH.replace(b"$04$", b"$10$"))
        until(lambda: waited.stats().in_flight or call.done())
        waited.close()
        assert call.result() is False


def test_arguments_are_checked(tmp_path: Path) -> None:
    for path, error in (("", ValueError), ("x" * 108, ValueError), (b"x", TypeError)):
        with pytest.raises(error, match="path"):
            SharedChecker(path)  # type: ignore[arg-type]
    wrong: list[tuple[dict[str, Any], type[Exception]]] = [
        ({"when_away": "wait"}, ValueError),
        ({"when_full": "compute"}, ValueError),
        ({"start": 1}, TypeError),
        ({"max_cost": 32}, ValueError),
    ]
    for options, kind in wrong:
        with pytest.raises(kind, match=next(iter(options))):
            SharedChecker(tmp_path / "socket", **options)


def test_without_a_server_calls_are_computed_here_or_raise(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with SharedChecker(path, max_cost=31) as here:
        assert here.check(b"right", HASH)
        assert asyncio.run(here.check_async(b"right", HASH))
        assert here.hash_all_under([b"right"] * 3, [HASH] * 3) == [HASH] * 3
        made = here.hash_all_under([b"right", b""], [HASH, ENDLESS], timeout=2)
        assert made == [HASH, None]
        with pytest.raises(CheckerTimeout):
            here.check(b"right", COSTLY, timeout=0.05)
        stats = here.stats()
        assert (stats.served, stats.computed_here, stats.finished) == (False, 8, 0)
        assert {"waiting", "served", "computed_here"} < stats.as_dict().keys()
    with SharedChecker(path, when_away="raise") as checker:
        for call in (checker.check, lambda *a: asyncio.run(checker.check_async(*a))):
            with pytest.raises(CheckerAway, match=r"no server at .*socket: No such file"):
                call(b"right", HASH)
    assert [*tmp_path.iterdir()] == []


def test_the_statistics_are_the_servers(tmp_path: Path) -> None:
    with serving(tmp_path) as server, server.checker() as one, server.checker() as other:
        one.hash(b"", cost=4)
        assert (other.stats().finished, other.stats().served) == (1, True)
        assert repr(other.stats()).startswith("SharedCheckerStats(cancelled=0, finished=1, ")


@contextlib.contextmanager
def stand_in(path: Path, answer: bytes) -> Iterator[Path]:
    """Answer each connection with the same bytes, and close it."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    with listener.accept()[0] as connection:
                        connection.recv(1000)
                        connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield path
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"bcq1\x02\x10\0\0", "another version"),
        (b"bcq2\0\x10\0\1" + bytes(63), "another version"),
        (b"HTTP/1.1 400 Bad Request\r\n", "another version"),
        (b"bcq1\x04\x10\0\0", "no calls of this user"),
        (b"bcq1\x09\x10\0\0", "another version of the protocol: it sent reply 9; give it"),
        (b"bcq1\0\x10\0\1\0\0\x02" + bytes(60), "it sent record 2"),
        (b"bcq1\0\x10\0\1\0\0\x09" + HASH, "it sent record 9"),
        (b"bcq1\0\x10\0\1\0\0\0" + HASH[:28] + b"O" + HASH[29:], "a hash under another setting"),
        (b"bcq1\0\x10\0\1\0\7\0" + HASH, "a record of item 7, of 1"),
        (b"bcq1\0\x10\0\1\0\0\x05" + bytes(60), "no memory for the call"),
        (b"bcq1\0\x10\0\1\0\0\x04" + bytes(60), "again and again"),
        (b"bcq1\0\x10", "again and again"),
        (b"", "again and again"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_answer_is_away(answer: bytes, why: str, tmp_path: Path) -> None:
    """Of a later version, of another program, or of a server that ends."""
    with (
        stand_in(tmp_path / "socket", answer) as path,
        SharedChecker(path, when_away="raise") as checker,
        SharedChecker(path) as here,
    ):
        for call in (checker.check, lambda *a: asyncio.run(checker.check_async(*a))):
            with pytest.raises(CheckerAway, match=why):
                call(b"right", HASH)
        assert here.check(b"right", HASH)
        assert not checker.stats().served


def test_calls_of_children_and_parents_after_any_fork(server: Serving) -> None:
    """In another thread's call, and by a signal handler in the middle of the call itself."""
    check_program("shared/forks", server.path, HASH.hex(), PYTHONWARNINGS="ignore")


def test_a_connection_of_an_interrupted_call_is_nobodys(server: Serving) -> None:
    """A signal handler's exception came when the call had it, and before it could drop it."""
    checker = server.checker()
    opened = len(os.listdir("/proc/self/fd"))
    with pytest.warns(ResourceWarning):
        checker._client.connect(None, start=False)
    checker.close()
    assert len(os.listdir("/proc/self/fd")) == opened


def test_no_thread_or_connection_is_left(server: Serving, checker: SharedChecker) -> None:
    checker.check(b"right", HASH)
    before, opened = server.open_now(), len(os.listdir("/proc/self/fd"))
    threads = threading.active_count()
    for _ in range(20):
        checker.check(b"right", HASH)
        with pytest.raises(CheckerTimeout):
            checker.check(b"right", COSTLY, timeout=0.001)
    asyncio.run(checker.check_async(b"right", HASH))
    until(lambda: server.open_now() <= before)  # the first call may just be ending
    assert len(os.listdir("/proc/self/fd")) == opened
    assert threading.active_count() == threads


def test_no_exception_keeps_a_password_or_hash_in_a_frame(server: Serving, tmp_path: Path) -> None:
    from tests.test_frames import HASH, PASSWORD, check

    endless = HASH[:4] + b"14" + HASH[6:]
    with server.checker() as checker, server.checker(max_cost=31) as lax:
        check(checker.check, PASSWORD, b"no" + HASH)
        check(checker.check, PASSWORD, endless, timeout=0.05)
        check(checker.check_async, PASSWORD, endless, timeout=0.05)
        check(lax.check, PASSWORD, HASH[:4] + b"31" + HASH[6:], timeout=0.05)
        check(lax.check_async, PASSWORD, HASH[:4] + b"31" + HASH[6:], timeout=0.05)
        check(checker.hash_all_under, [PASSWORD, PASSWORD * 9], [HASH, HASH])
    with SharedChecker(tmp_path / "none", when_away="raise") as away:
        check(away.check, PASSWORD, HASH)
        check(away.check_async, PASSWORD, HASH)
    with (
        stand_in(tmp_path / "refusing", b"bcq1\x02\x10\0\0") as path,
        SharedChecker(path, when_away="raise") as refused,
    ):
        check(refused.check, PASSWORD, HASH)
        check(refused.check_async, PASSWORD, HASH)
    with SharedChecker(tmp_path / "none") as here:
        check(here.check, PASSWORD, endless, timeout=0.05)
        check(here.check_async, PASSWORD, endless, timeout=0.05)
