"""A batch's calls in random sequences: each succeeds or is refused, and no value is ever wrong.

The package calls `_native.Batch` in one order only. These tests call it in any order, with bad
arguments, and with exceptions, signals and stops from a tick and from another thread.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from types import FrameType
from typing import Any

import bcrypt
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bcrypt_batch import _native
from bcrypt_batch.grouping import plan_groups
from tests.examples import examples
from tests.kernels import MAX_LANES

PASSWORDS = [b"", b"a", "ü".encode(), b"x" * 72, b"x" * 80]
SALTS = [bytes(16), bytes(range(16)), b"\xff" * 16]
TOTALS = st.sampled_from(range(2 * MAX_LANES + 1))
WORKERS = st.integers(1, 3)
REFUSALS = (ValueError, TypeError, OverflowError)


class Interruption(Exception):
    """Raised by a tick or a signal handler."""


@cache
def right_hash(password: bytes, setting: bytes) -> bytes:
    return bcrypt.hashpw(password[:72], setting)


@contextlib.contextmanager
def refused(expected: bool = True) -> Iterator[None]:
    """Require that a call is refused, or succeeds."""
    if expected:
        with pytest.raises(REFUSALS):
            yield
    else:
        yield


def call_with_alarm(call: Callable[[], object], seconds: float) -> None:
    """Call, and raise Interruption in a signal handler `seconds` later, if it isn't over then."""
    armed = True  # unset by a plain assignment, which no signal can interrupt

    def interrupt(_number: int, frame: FrameType | None) -> None:
        # Not in a callback that drops exceptions, such as the garbage collector's.
        nonlocal armed
        if armed and frame is not None and frame.f_globals is globals():
            armed = False
            raise Interruption

    # Keep the handler: with the earlier one a late signal would end the process.
    signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        call()
    finally:
        armed = False


class Sequences(RuleBasedStateMachine):
    @initialize(
        data=st.data(),
        total=TOTALS,
        deadline_ms=st.sampled_from([None, None, None, 0, 4, 60_000]),
        ready=st.sampled_from(["to hash", "to verify", "not"]),
    )
    def make(self, data: st.DataObject, total: int, deadline_ms: int | None, ready: str) -> None:
        """A batch, empty or ready to run: random calls alone would prepare one in a hundred."""
        self.planned = self.begun = False
        deadline_ns = None if deadline_ms is None else time.monotonic_ns() + deadline_ms * 1_000_000
        self.total = total
        self.batch = _native.Batch(total, deadline_ns)
        self.passwords: list[bytes | None] = [None] * total
        self.settings: list[bytes] = []
        self.hashes: list[bytes | None] | None = None
        if ready == "to hash":
            self.add_passwords(data=data, cost=4, missing=False, truncate=True, short=0)
        elif ready == "to verify":
            self.add_hashes(data=data, missing=True, max_cost=5, wrong=False)
        if ready != "not":
            self.plan(lanes=data.draw(st.integers(1, MAX_LANES)), workers=data.draw(WORKERS))

    @rule(
        data=st.data(),
        cost=st.sampled_from([4, 4, 4, 5, 3, 32]),
        missing=st.booleans(),
        truncate=st.booleans(),
        short=st.sampled_from([0, 0, 0, 1]),
    )
    def add_passwords(
        self, data: st.DataObject, cost: int, missing: bool, truncate: bool, short: int
    ) -> None:
        passwords = self._draw_passwords(data, missing)
        salts = [data.draw(st.sampled_from(SALTS)) for _ in passwords]
        with contextlib.suppress(*REFUSALS):
            self.batch.add_passwords(
                passwords, prefix=b"2b", cost=cost, salts=b"".join(salts)[short:], truncate=truncate
            )
            assert not self.planned
            self.passwords = passwords
            self.settings = [_native.make_setting(b"2b", cost, salt) for salt in salts]

    @rule(data=st.data(), missing=st.booleans(), max_cost=st.integers(4, 5), wrong=st.booleans())
    def add_hashes(self, data: st.DataObject, missing: bool, max_cost: int, wrong: bool) -> None:
        passwords = self._draw_passwords(data, missing)
        hashes: list[Any] = []
        for _ in passwords:
            setting = _native.make_setting(
                b"2b", data.draw(st.integers(4, 5)), data.draw(st.sampled_from(SALTS))
            )
            made = right_hash(data.draw(st.sampled_from(PASSWORDS)), setting)
            odd = st.sampled_from(
                [None, b"", made[:-1], made + b".", b"$3" + made[2:], *[1] * wrong]
            )
            hashes.append(data.draw(st.just(made) | odd))
        with contextlib.suppress(*REFUSALS):
            self.batch.add_hashes(passwords, hashes, max_cost=max_cost, truncate=True)
            assert not self.planned
            self.passwords, self.hashes = passwords, hashes

    def _draw_passwords(self, data: st.DataObject, missing: bool) -> list[Any]:
        number = data.draw(st.sampled_from([self.total] * 5 + [self.total + 1]))
        one = st.sampled_from([*PASSWORDS, *[None] * missing])
        return data.draw(st.lists(one, min_size=number, max_size=number))

    @rule(lanes=st.integers(1, MAX_LANES), workers=WORKERS)
    def plan(self, lanes: int, workers: int) -> None:
        kernel = _native.chosen_kernel()
        cuts = plan_groups(self.batch.costs, workers, lanes, _native.group_times(kernel))
        with refused(self.planned):
            self.batch.plan(cuts, kernel=kernel, workers=workers)
        self.planned = True

    @rule(
        cuts=st.lists(st.tuples(st.integers(-1, 32), st.integers(-1, 9), st.integers(-1, 2**40))),
        workers=st.integers(-1, 2),
        kernel=st.sampled_from([_native.chosen_kernel(), "none such"]),
    )
    def plan_badly(self, cuts: list[tuple[int, int, int]], workers: int, kernel: str) -> None:
        with contextlib.suppress(*REFUSALS):
            self.batch.plan(cuts, kernel=kernel, workers=workers)
            assert not self.planned
            self.planned = True

    @rule(
        slice_ns=st.sampled_from([0, 0, 0, 100_000, 10**9, -1, 10**9 + 1]),
        what=st.sampled_from(
            ["nothing", "raise", "stop", "read", "run", "plan", "thread", "alarm"]
        ),
        after=st.integers(0, 5),
    )
    def run_it(self, slice_ns: int, what: str, after: int) -> None:
        ticks = 0
        may_run = self.planned and not self.begun and 0 <= slice_ns <= 10**9
        self.begun = self.begun or may_run

        def tick() -> None:
            nonlocal ticks
            ticks += 1
            if ticks > after:
                during[what]()

        def fail() -> None:
            raise Interruption

        def run_again() -> None:
            with refused():
                self.batch.run(tick, slice_ns=0)

        def plan_again() -> None:
            with refused():
                self.batch.plan([], kernel=_native.chosen_kernel(), workers=1)

        during: dict[str, Callable[[], object]] = {
            "nothing": lambda: None,
            "thread": lambda: None,
            "alarm": lambda: None,
            "raise": fail,
            "stop": self.batch.stop,
            "read": self.values_are_right,
            "run": run_again,
            "plan": plan_again,
        }
        run = partial(self.batch.run, tick, slice_ns=slice_ns)
        with contextlib.ExitStack() as stack:
            stack.enter_context(refused(not may_run))
            stack.enter_context(contextlib.suppress(Interruption))
            if what == "thread":
                timer = threading.Timer(after / 2000, self.batch.stop)
                timer.start()
                stack.callback(timer.join)
            if what == "alarm" and may_run:  # it could come before the refusal
                call_with_alarm(run, (after + 1) / 2000)
            else:
                run()

    @precondition(lambda self: self.begun)
    @rule(data=st.data())
    def begin_again(self, data: st.DataObject) -> None:
        self.make(data=data, total=data.draw(TOTALS), deadline_ms=None, ready="to verify")

    @rule()
    def stop(self) -> None:
        self.batch.stop()

    @invariant()
    def every_item_is_there_once(self) -> None:
        """Each item is done, refused or unprocessed, and workers no longer change that."""
        if not hasattr(self, "batch"):
            return
        values = self.values_are_right()
        done = {i for i, value in enumerate(values) if value is not None}
        unprocessed = self.batch.unprocessed()
        assert sorted(unprocessed) == unprocessed
        assert not done & {*unprocessed, *self.batch.refused}
        assert len(done) == self.batch.items_done
        assert len(self.batch.thread_ids) <= 3

    def values_are_right(self) -> list[bytes | None]:
        """Each value is right, even in the middle of a run; each item is in one of the places."""
        unprocessed = self.batch.unprocessed()
        values: list[bytes | None] = self.batch.hashes()
        for i, value in enumerate(values):
            password = self.passwords[i]
            if value is not None and self.settings and password is not None:
                assert value == right_hash(password, self.settings[i])
        done = {i for i, value in enumerate(values) if value is not None}
        assert done | {*unprocessed, *self.batch.refused} == {*range(self.total)}
        return values

    @precondition(lambda self: self.hashes is not None)
    @invariant()
    def matches_are_right(self) -> None:
        assert self.hashes is not None
        for password, hashed, match in zip(
            self.passwords, self.hashes, self.batch.matches(), strict=True
        ):
            if match is not None:
                assert password is not None
                assert hashed is not None
                assert match == (right_hash(password, hashed[:29]) == hashed)


TestSequences = Sequences.TestCase
TestSequences.settings = settings(max_examples=examples(60), stateful_step_count=12)
