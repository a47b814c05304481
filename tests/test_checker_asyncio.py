"""The checker's coroutines."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import resource
import subprocess
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import bcrypt_batch
from bcrypt_batch import Checker, CheckerClosed, CheckerFull, CheckerTimeout
from tests.processes import PATIENCE_S, PROGRAMS, check_program, preloading, require

HASHED = bcrypt_batch.hashpw(b"pw", bcrypt_batch.gensalt(4))


@pytest.fixture
def checker() -> Iterator[Checker]:
    with Checker(workers=2) as made:
        yield made
        assert not made._deliveries


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def until(what: str, checker: Checker, value: int) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while getattr(checker.stats(), what) != value:
        assert time.monotonic() < give_up, checker.stats()
        await asyncio.sleep(0.001)


def test_results(checker: Checker) -> None:
    async def main() -> None:
        assert await checker.check_async(b"pw", HASHED) is True
        assert await checker.check_async(b"px", HASHED) is False
        assert bcrypt_batch.checkpw(b"pw", await checker.hash_async(b"pw", cost=5))
        assert await checker.dummy_check_async(b"pw", cost=4) is False
        with pytest.raises(ValueError, match="Invalid salt"):
            await checker.check_async(b"pw", b"")
        with pytest.raises(TypeError, match="password must be bytes"):
            await checker.hash_async("pw")  # type: ignore[arg-type]
        answers = await asyncio.gather(
            *(checker.check_async(b"p%c" % (b"wx"[i % 2],), HASHED) for i in range(60))
        )
        assert answers == [True, False] * 30

    asyncio.run(main())


def test_many_loops_leave_nothing_open(checker: Checker) -> None:
    async def main() -> None:
        checks = [checker.check_async(b"pw", HASHED) for _ in range(8)]
        assert all(await asyncio.gather(*checks))

    asyncio.run(main())
    before = descriptors()
    for _ in range(10):
        asyncio.run(main())
    threads = [threading.Thread(target=asyncio.run, args=(main(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert descriptors() == before


class CountingLoop(asyncio.SelectorEventLoop):
    """A loop that records the descriptors that it watches."""

    def __init__(self) -> None:
        self.watched: list[int] = []
        super().__init__()

    def add_reader(self, fd: Any, *arguments: Any) -> None:  # type: ignore[override]
        self.watched.append(fd)
        assert not os.get_inheritable(fd)
        super().add_reader(fd, *arguments)

    def remove_reader(self, fd: Any) -> bool:
        self.watched.remove(fd)
        return super().remove_reader(fd)


def test_a_loop_watches_while_it_has_calls_and_programs_it_starts_inherit_nothing(
    checker: Checker,
) -> None:
    loop = CountingLoop()
    for _ in range(3):
        call = loop.create_task(checker.hash_async(b"pw", cost=10))
        loop.run_until_complete(asyncio.sleep(0))
        assert len(loop.watched) == 1
        loop.run_until_complete(call)
        assert not loop.watched
    loop.close()


def test_the_loop_goes_on_meanwhile(checker: Checker) -> None:
    async def main() -> int:
        call = asyncio.ensure_future(checker.hash_async(b"pw", cost=10))
        turns = 0
        while not call.done():
            turns += 1
            await asyncio.sleep(0)
        return turns

    assert asyncio.run(main()) > 10


def test_cancelling_frees_the_place_and_the_lane() -> None:
    async def main() -> None:
        with Checker(workers=1, lanes=1) as checker:
            calls = [asyncio.ensure_future(checker.hash_async(b"pw", cost=16)) for _ in range(3)]
            await until("waiting", checker, 2)
            for call in (calls[2], calls[0]):  # one that waits, one in a lane
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
            await until("waiting", checker, 0)  # the next one has the lane
            assert checker.stats().in_flight == 1
            calls[1].cancel()
            await until("in_flight", checker, 0)
            assert await checker.check_async(b"pw", HASHED)
            assert checker.stats().cancelled == 3
            assert not checker._deliveries

    asyncio.run(main())


def test_a_timeout_around_it_is_a_cancellation(checker: Checker) -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(checker.hash_async(b"pw", cost=16), 0.02)
        await until("in_flight", checker, 0)
        assert checker.stats().cancelled == 1

    asyncio.run(main())


def test_timeouts(checker: Checker) -> None:
    async def main() -> None:
        for timeout in (0, 0.02):
            with pytest.raises(CheckerTimeout):
                await checker.hash_async(b"pw", cost=16, timeout=timeout)
        with pytest.raises(CheckerTimeout):
            await checker.dummy_check_async(b"pw", cost=12, timeout=0)
        assert await checker.check_async(b"pw", HASHED, timeout=PATIENCE_S)
        assert await checker.dummy_check_async(b"pw", cost=4, timeout=PATIENCE_S) is False
        assert checker.stats().timed_out == 3

    asyncio.run(main())


def test_full_and_closed() -> None:
    async def main() -> None:
        checker = Checker(workers=1, lanes=1, max_waiting=1)
        first = asyncio.ensure_future(checker.hash_async(b"pw", cost=16))
        await until("in_flight", checker, 1)
        second = asyncio.ensure_future(checker.hash_async(b"pw", cost=16))
        await until("waiting", checker, 1)
        with pytest.raises(CheckerFull):
            await checker.hash_async(b"pw", cost=4)
        await asyncio.to_thread(checker.close, wait=False)
        for call in (first, second):
            with pytest.raises(CheckerClosed):
                await call
        with pytest.raises(CheckerClosed):
            await checker.hash_async(b"pw", cost=4)
        assert not checker._deliveries

    asyncio.run(main())


def test_closing_inside_the_loop_delivers_what_was_drained() -> None:
    async def main() -> None:
        checker = Checker(workers=2)
        calls = [asyncio.ensure_future(checker.check_async(b"pw", HASHED)) for _ in range(20)]
        await asyncio.sleep(0)
        checker.close()
        assert all(await asyncio.gather(*calls))

    asyncio.run(main())


def test_threads_and_loops_share_lanes() -> None:
    checker = Checker(workers=1, lanes=8, max_cost=31)

    async def main() -> None:
        calls = [asyncio.ensure_future(checker.hash_async(b"pw", cost=31)) for _ in range(2)]
        other = asyncio.ensure_future(asyncio.to_thread(checker.hash, b"pw", cost=31))
        await until("in_flight", checker, 3)
        for call in calls:
            call.cancel()
        await until("in_flight", checker, 1)
        checker.close(wait=False)
        with pytest.raises(CheckerClosed):
            await other

    asyncio.run(main())


def test_a_child_after_fork_has_loops_of_its_own() -> None:
    """The parent's loop is not disturbed: both share its selector."""
    check_program("checker/loop_of_a_child", PYTHONWARNINGS="ignore")


def test_loops_that_are_closed_in_the_middle_leave_nothing() -> None:
    """Pending calls become garbage when their loop is closed, whatever the checker does."""
    checker = Checker(workers=1)
    gc.collect()  # frees garbage of other tests
    before = descriptors()

    async def leave() -> None:
        call = asyncio.ensure_future(checker.hash_async(b"pw", cost=16))
        call._log_destroy_pending = False  # type: ignore[attr-defined]
        await until("in_flight", checker, 1)

    for ended in range(1, 4):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(leave())
        loop.close()
        del loop
        gc.collect()
        assert checker.stats().cancelled == ended
        assert not checker._deliveries
        assert descriptors() == before
    checker.close()


def test_an_exception_at_every_line_costs_no_other_call_its_answer() -> None:
    """As from a signal handler, also in a callback of the loop."""
    assert int(check_program("checker/exception_at_every_line", PATIENCE_S / 6)) > 100


def test_an_exception_out_of_a_future_does_not_cost_a_call_its_end(checker: Checker) -> None:
    """For its answer and for its timeout: a signal handler may run in the future's code."""

    class Future(asyncio.Future):  # type: ignore[type-arg]
        failed = False

        def set_result(self, result: None) -> None:
            if not self.failed:
                self.failed = True
                raise KeyError
            super().set_result(result)

    class Loop(asyncio.SelectorEventLoop):
        def create_future(self) -> Any:
            made.append(Future(loop=self))
            return made[-1]

    made: list[Future] = []
    loop = Loop()
    loop.set_exception_handler(lambda *_: None)
    loop.call_later(PATIENCE_S / 6, loop.stop)  # fails the test if it still waits
    try:
        assert loop.run_until_complete(checker.hash_async(b"pw", cost=4))
        with pytest.raises(CheckerTimeout):
            loop.run_until_complete(checker.hash_async(b"pw", cost=16, timeout=0.01))
        assert sum(future.failed for future in made) == 2
    finally:
        loop.close()


def test_what_a_child_after_fork_drops_leaves_the_parent_s_loop_alone() -> None:
    """Even if the child's queue has the address that the parent's had."""
    check_program("checker/call_dropped_by_a_child", PYTHONWARNINGS="ignore")


def test_a_child_after_fork_makes_a_mailbox_of_its_own_for_a_loop_that_looks_like_the_parents() -> (
    None
):
    """The child's loop may have the address of the parent's, by which deliveries are found."""
    check_program("checker/loop_where_the_parents_was", PYTHONWARNINGS="ignore")


class TestRefusedDescriptors:
    def test_too_many_open_files(self, checker: Checker) -> None:
        async def main() -> None:
            _, hard = limits = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
            try:
                with pytest.raises(OSError, match="file descriptor for an event loop") as caught:
                    await checker.check_async(b"pw", HASHED)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            assert caught.value.errno == errno.EMFILE
            assert await checker.check_async(b"pw", HASHED)

        asyncio.run(main())

    def test_too_little_memory(self, tmp_path: Path) -> None:
        """The error of eventfd."""
        require("cc")
        library = tmp_path / "refused.so"
        source = PROGRAMS / "refused_eventfd.c"
        subprocess.run(["cc", "-shared", "-fPIC", source, "-o", library], check=True)
        check_program("checker/without_memory_for_a_loop", LD_PRELOAD=preloading(library))


def test_under_uvloop(checker: Checker) -> None:
    """Answers, timeouts, cancellation and closing work, and the loop goes on watching."""
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed (group web)")

    async def main() -> None:
        for _ in range(3):
            answers = await asyncio.gather(
                *(checker.check_async(b"p%c" % (b"wx"[i % 2],), HASHED) for i in range(60)),
                *(checker.hash_async(b"pw", cost=16, timeout=0.01) for _ in range(3)),
                return_exceptions=True,
            )
            assert answers[:60] == [True, False] * 30
            assert [type(answer) for answer in answers[60:]] == [CheckerTimeout] * 3
        call = asyncio.ensure_future(checker.hash_async(b"pw", cost=16))
        await until("in_flight", checker, 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        last = asyncio.ensure_future(checker.hash_async(b"pw", cost=16))
        await until("in_flight", checker, 1)
        await asyncio.to_thread(checker.close, wait=False)
        with pytest.raises(CheckerClosed):
            await last

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # raised in asyncio's own code
        uvloop.run(asyncio.sleep(0))  # uvloop keeps descriptors of its first loop
        gc.collect()
        before = descriptors()
        uvloop.run(main())
    gc.collect()
    assert descriptors() == before
