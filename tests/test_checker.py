"""The checker: results, limits, timeouts, closing, threads and forks."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bcrypt
import pytest

import bcrypt_batch
from bcrypt_batch import Checker, CheckerClosed, CheckerFull, CheckerTimeout, _native
from tests.processes import (
    PATIENCE_S,
    check_program,
    preloading,
    program,
    require,
    run_program,
    skip_beside_emulators_threads,
)
from tests.test_secrets import as_words, memory_at_each_line

HASHED = bcrypt.hashpw(b"pw", b"$2b$04$" + b"." * 22)
LONG = 14  # a cost that takes a second or more


@pytest.fixture
def checker() -> Iterator[Checker]:
    with Checker(workers=2) as made:
        yield made


def wait_until(what: str, checker: Checker, value: int) -> None:
    names = what.split("+")
    reached = until(lambda: sum(getattr(checker.stats(), name) for name in names) == value)
    assert reached, checker.stats()


def until(condition: Callable[[], bool]) -> bool:
    """Wait for a condition; return whether it came in time."""
    give_up = time.monotonic() + PATIENCE_S
    while not (holds := condition()) and time.monotonic() < give_up:
        time.sleep(0.001)
    return holds


class TestResults:
    def test_are_those_of_checkpw_and_hashpw(self, checker: Checker) -> None:
        assert checker.check(b"pw", HASHED) is True
        assert checker.check(b"px", HASHED) is False
        made = checker.hash(b"pw", cost=5)
        assert made.startswith(b"$2b$05$")
        assert bcrypt.checkpw(b"pw", made)
        assert made != checker.hash(b"pw", cost=5)
        assert checker.dummy_check(b"pw", cost=4) is False
        assert checker.hash_under(b"pw", HASHED) == HASHED

    def test_of_the_default_cost(self, checker: Checker) -> None:
        assert checker.hash(b"pw").startswith(b"$2b$12$")

    @pytest.mark.parametrize("hashed", [b"", HASHED[:-1], HASHED[:28], b"$2b$4$" + b"." * 53, b"x"])
    def test_malformed_hashes(self, checker: Checker, hashed: bytes) -> None:
        def outcome(function: object) -> object:
            try:
                return function(b"pw", hashed)  # type: ignore[operator]
            except Exception as error:
                return type(error), str(error)

        assert outcome(checker.check) == outcome(bcrypt_batch.checkpw)

    def test_wrong_types(self, checker: Checker) -> None:
        for call in (checker.check, checker.hash_under, bcrypt_batch.checkpw):
            with pytest.raises(TypeError, match="password must be bytes, not str"):
                call("pw", HASHED)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="hash must be bytes, not str"):
            checker.check(b"pw", HASHED.decode())  # type: ignore[arg-type]
        for wrong in ("4", 4.0, True):
            with pytest.raises(TypeError, match="cost must be an int"):
                checker.hash(b"pw", cost=wrong)  # type: ignore[arg-type]

    @pytest.mark.parametrize("name", ["check", "hash", "dummy_check"])
    def test_long_passwords(self, checker: Checker, name: str) -> None:
        arguments = (HASHED,) if name == "check" else ()
        with pytest.raises(ValueError, match="cannot be longer than 72 bytes"):
            getattr(checker, name)(b"x" * 73, *arguments)

    def test_max_cost(self) -> None:
        with Checker(workers=1, max_cost=5) as checker:
            costly = bcrypt_batch.gensalt(6) + b"." * 31
            with pytest.raises(ValueError, match="the hash has cost 6; at most 5 is allowed"):
                checker.check(b"pw", costly)
            for call in (checker.hash, checker.dummy_check):
                with pytest.raises(ValueError, match="cost must be from 4 to 5, not 6"):
                    call(b"pw", cost=6)
            assert checker.check(b"pw", HASHED)

    def test_2x_and_subclasses_of_bytes(self, checker: Checker) -> None:
        class Bytes(bytes):
            pass

        hashed = bcrypt_batch.hashpw(b"\xff\xa3", b"$2x$04$" + b"." * 22)
        assert checker.check(Bytes(b"\xff\xa3"), Bytes(hashed))

    def test_of_many_threads_and_costs(self, checker: Checker) -> None:
        def call(i: int) -> bool:
            password = b"%d" % i
            made = checker.hash(password, cost=4 + i % 4)
            return checker.check(password, made) and not checker.check(b"x", made)

        with ThreadPoolExecutor(20) as executor:
            assert all(executor.map(call, range(100)))
        stats = checker.stats()
        assert stats.finished == 300
        assert stats.waiting == stats.in_flight == 0
        assert 1 < stats.mean_group_size <= bcrypt_batch.MAX_LANES
        assert 0 <= stats.wait_p50_s <= stats.wait_p95_s <= stats.wait_p99_s < PATIENCE_S
        assert "finished=300" in repr(stats)


class TestArguments:
    def test_more_lanes_than_the_kernel_has_are_as_many_as_it_has(self) -> None:
        most = _native.max_lanes(bcrypt_batch.kernels().chosen)
        for lanes in {most, bcrypt_batch.MAX_LANES}:
            assert repr(Checker(workers=1, lanes=lanes)) == f"<Checker: 1 workers, {most} lanes>"

    @pytest.mark.parametrize(
        ("name", "value", "fault"),
        [
            ("workers", 0, "workers must be from 1 to 1024, not 0"),
            ("lanes", 12, "lanes must be from 1 to 11, not 12"),
            ("max_waiting", -1, "max_waiting must be from 0 to 10000000, not -1"),
            ("max_cost", 3, "max_cost must be from 4 to 31, not 3"),
            ("when_full", "block", "when_full must be 'raise' or 'wait', not 'block'"),
        ],
    )
    def test_out_of_range(self, name: str, value: object, fault: str) -> None:
        with pytest.raises(ValueError, match=fault):
            Checker(**{name: value})  # type: ignore[arg-type]

    @pytest.mark.parametrize("timeout", [-1, float("nan")])
    def test_timeouts_out_of_range(self, checker: Checker, timeout: float) -> None:
        with pytest.raises(ValueError, match="timeout must be 0 seconds or more"):
            checker.check(b"pw", HASHED, timeout=timeout)

    def test_reprs_have_no_secrets(self, checker: Checker) -> None:
        checker.check(b"secret", HASHED)
        assert "secret" not in repr(checker) + repr(checker.stats()) + repr(vars(checker))
        assert "2 workers" in repr(checker)


def test_one_thread_computes_several_at_once() -> None:
    with Checker(workers=1, lanes=8) as checker, ThreadPoolExecutor(8) as executor:
        calls = [executor.submit(checker.hash, b"pw", cost=LONG) for _ in range(8)]
        wait_until("in_flight", checker, 8)
        assert checker.stats().waiting == 0
        checker.close(wait=False)
        assert all(isinstance(call.exception(), CheckerClosed) for call in calls)


class TestTimeouts:
    def test_in_a_lane(self, checker: Checker) -> None:
        with pytest.raises(CheckerTimeout, match="was not finished within its timeout"):
            checker.hash(b"pw", cost=16, timeout=0.02)
        wait_until("in_flight", checker, 0)
        assert checker.check(b"pw", HASHED, timeout=PATIENCE_S)
        stats = checker.stats()
        assert (stats.timed_out, stats.finished, stats.cancelled) == (1, 1, 0)

    def test_waiting(self) -> None:
        with Checker(workers=1, lanes=1) as checker, ThreadPoolExecutor(1) as executor:
            first = executor.submit(checker.hash, b"pw", cost=LONG)
            wait_until("in_flight", checker, 1)
            with pytest.raises(TimeoutError):
                checker.check(b"pw", HASHED, timeout=0)
            assert checker.stats().waiting == 0
            assert bcrypt_batch.checkpw(b"pw", first.result())

    def test_of_dummy_checks(self, checker: Checker) -> None:
        with pytest.raises(CheckerTimeout):
            checker.dummy_check(b"pw", cost=12, timeout=0)
        assert checker.dummy_check(b"pw", cost=4, timeout=PATIENCE_S) is False

    def test_of_nothing(self, checker: Checker) -> None:
        with pytest.raises(CheckerTimeout):
            checker.hash(b"pw", cost=12, timeout=0)


class TestFull:
    def test_refuses_at_once(self) -> None:
        with (
            Checker(workers=1, lanes=1, max_waiting=2) as checker,
            ThreadPoolExecutor(4) as executor,
        ):
            calls = [executor.submit(checker.hash, b"pw", cost=16)]
            wait_until("in_flight", checker, 1)
            calls += [executor.submit(checker.hash, b"pw", cost=4) for _ in range(2)]
            wait_until("waiting", checker, 2)
            with pytest.raises(CheckerFull, match="is full: 2 calls are waiting"):
                checker.check(b"pw", HASHED)
            assert checker.stats().refused == 1
            checker.close(wait=False)
            assert all(isinstance(call.exception(), CheckerClosed) for call in calls)
            assert checker.stats().refused == 4

    def test_calls_that_get_a_free_lane_do_not_wait(self) -> None:
        with (
            Checker(workers=2, lanes=4, max_waiting=0) as checker,
            ThreadPoolExecutor(9) as executor,
        ):
            calls = [executor.submit(checker.hash, b"pw", cost=16) for _ in range(8)]
            wait_until("in_flight", checker, 8)
            with pytest.raises(CheckerFull, match="is full: 0 calls are waiting"):
                checker.check(b"pw", HASHED)
            checker.close(wait=False)
            assert all(isinstance(call.exception(), CheckerClosed) for call in calls)

    def test_waits(self) -> None:
        with (
            Checker(workers=1, lanes=1, max_waiting=1, when_full="wait") as checker,
            ThreadPoolExecutor(8) as executor,
        ):
            calls = [executor.submit(checker.check, b"pw", HASHED) for _ in range(40)]
            assert all(call.result() for call in calls)
            assert checker.stats().refused == 0


class TestClosing:
    def test_before_the_first_call(self) -> None:
        checker = Checker()
        checker.close()
        checker.close(wait=False)
        with pytest.raises(CheckerClosed, match="the checker is closed"):
            checker.check(b"pw", HASHED)

    def test_drains(self) -> None:
        checker = Checker(workers=1, lanes=2)
        with ThreadPoolExecutor(8) as executor:
            calls = [executor.submit(checker.hash, b"pw", cost=10) for _ in range(8)]
            wait_until("waiting+in_flight+finished", checker, 8)
            checker.close()
            assert all(bcrypt.checkpw(b"pw", call.result()) for call in calls)
        assert checker.stats().finished == 8
        with pytest.raises(CheckerClosed):
            checker.hash(b"pw", cost=4)

    def test_hastens_a_drain(self) -> None:
        checker = Checker(workers=2)
        with ThreadPoolExecutor(4) as executor:
            call = executor.submit(checker.hash, b"pw", cost=16)
            wait_until("in_flight", checker, 1)
            drains = [executor.submit(checker.close) for _ in range(2)]
            checker.close(wait=False)
            for drain in drains:
                drain.result()
            assert isinstance(call.exception(), CheckerClosed)

    def test_its_threads_stay_until_the_last_closer_has_seen_them_end(self) -> None:
        """One close is still waiting when another one returns."""

        def threads() -> set[str]:
            """Return the threads of checkers and batches; one that has just ended has no name."""
            found = set()
            for path in Path("/proc/self/task").iterdir():
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    if (path / "comm").read_text() == "bcrypt_batch\n":
                        found.add(path.name)
            return found - others

        # Workers that another test has started; and what ends is there until the system clears it.
        others: set[str] = set()
        others = threads()
        waits, may_go_on = threading.Event(), threading.Event()

        def tick() -> None:
            waits.set()
            assert may_go_on.wait(PATIENCE_S)

        checker = Checker(workers=2)
        with ThreadPoolExecutor(2) as executor:
            call = executor.submit(checker.hash, b"pw", cost=16)
            wait_until("in_flight", checker, 1)
            first = executor.submit(checker._queue.close, tick, drain=True, slice_ns=1)
            try:
                assert waits.wait(PATIENCE_S)
                assert until(lambda: len(threads()) == 2)
                serving = threads()
                checker.close(wait=False)
                assert threads() == serving
            finally:
                may_go_on.set()
            first.result()
            assert until(lambda: not threads())
            assert isinstance(call.exception(), CheckerClosed)

    def test_ends_its_threads_and_needs_none_before_the_first_call(self) -> None:
        check_program("checker/ends_its_threads")

    def test_unclosed_ones_are_said_so_and_end(self) -> None:
        check_program("checker/unclosed")

    @pytest.mark.parametrize("kind", ["idle", "busy", "outliving"])
    def test_the_interpreter_ends_with_one_that_is_open(self, kind: str) -> None:
        """Even during calls of daemon threads."""
        done = run_program("checker/open_at_the_end", kind)
        assert (done.stdout, done.stderr, done.returncode) == ("end\n", "", 0)


class TestExceptions:
    def test_ctrl_c_leaves_nothing_behind(self) -> None:
        check_program("checker/by_ctrl_c")

    def test_an_exception_that_another_thread_sends(self) -> None:
        check_program("checker/by_another_thread")


def test_a_first_call_holds_up_nobody_while_it_makes_threads(tmp_path: Path) -> None:
    """Another call, a fork and the checker's end happen meanwhile."""
    skip_beside_emulators_threads("it makes them in its own way")
    require("cc")
    source, library = Path(__file__).parent / "held_threads.c", tmp_path / "held.so"
    subprocess.run(["cc", "-shared", "-fPIC", source, "-o", library, "-ldl"], check=True)
    environment = {"LD_PRELOAD": preloading(library), "PYTHONWARNINGS": "ignore"}
    check_program("checker/first_call", **environment)


class TestForks:
    def test_the_child_has_an_empty_one_that_works(self) -> None:
        skip_beside_emulators_threads("qemu's does not always bear forks beside computing threads")
        check_program("checker/forks", PYTHONWARNINGS="ignore")

    def test_no_call_imports_a_module(self) -> None:
        """A child, forked while another thread imports it, would wait for that thread for good."""
        assert check_program("checker/calls_import_nothing") == "\n"

    @pytest.mark.parametrize("moment", ["late", "early"])
    def test_a_fork_by_a_signal_handler(self, moment: str) -> None:
        """In the middle of a call or before it: parent and child both answer."""
        check_program("checker/fork_by_a_signal_handler", moment, PYTHONWARNINGS="ignore")


def test_keys_and_states_are_wiped_when_calls_end() -> None:
    """However the call ends: finished, late, closed. The memory is searched from outside."""
    password = secrets.token_bytes(40)
    # At these sizes free() doesn't overwrite the block.
    words = as_words(password[16:])
    command = program("checker/end_calls_in_every_way")
    found = {line: memory.count(words) for line, memory in memory_at_each_line(command, password)}
    assert found == {b"there\n": 4, b"not taken\n": 0, b"done\n": 0}


def test_the_import_of_the_package_does_not_import_it() -> None:
    check_program("checker/imported_when_used")


def test_threads_of_other_callers_go_on_meanwhile(checker: Checker) -> None:
    turns = 0
    call = threading.Thread(target=checker.hash, args=(b"pw",), kwargs={"cost": 12})
    call.start()
    while call.is_alive():
        turns += 1
        time.sleep(0)
    assert turns > 3  # one before it began, and one after its end
