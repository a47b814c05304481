"""A batch's calls in random sequences: each is carried out or refused, and no value is ever wrong.

`_native.Batch` is what all batches go through; the package calls it in one order only. Here it gets
any order, bad arguments, exceptions, signals and stops out of a tick and from another thread.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import bcrypt
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bcrypt_batch import _native
from bcrypt_batch.grouping import plan_groups
from tests.examples import examples
from tests.kernels import MAX_LANES

PASSWORDS = [b"", b"a", "ü".encode(), b"x" * 72, b"x" * 80]
SALTS = [bytes(16), bytes(range(16)), b"\xff" * 16]
REFUSALS = (ValueError, TypeError, OverflowError)


class Interruption(Exception):
    """Out of a tick, or a signal handler."""


@cache
def right_hash(password: bytes, setting: bytes) -> bytes:
    return bcrypt.hashpw(password[:72], setting)


def interrupt(*_: object) -> None:
    raise Interruption


@contextlib.contextmanager
def alarm_after(seconds: float) -> Any:
    signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        # Not to what it was, which would end the process: valgrind may deliver it as late as now.
        signal.signal(signal.SIGALRM, lambda *_: None)


class Sequences(RuleBasedStateMachine):
    @initialize(
        total=st.integers(0, 2 * MAX_LANES), deadline_ms=st.sampled_from([None, None, 0, 4, 60_000])
    )
    def make(self, total: int, deadline_ms: int | None) -> None:
        deadline_ns = None if deadline_ms is None else time.monotonic_ns() + deadline_ms * 1_000_000
        self.total = total
        self.batch = _native.Batch(total, deadline_ns)
        self.passwords: list[bytes | None] = [None] * total
        self.settings: list[bytes] = []
        self.hashes: list[bytes | None] | None = None

    @rule(
        data=st.data(),
        cost=st.sampled_from([4, 4, 5, 3, 32]),
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
            self.passwords, self.hashes = passwords, hashes

    def _draw_passwords(self, data: st.DataObject, missing: bool) -> list[Any]:
        number = data.draw(st.sampled_from([self.total] * 5 + [self.total + 1]))
        one = st.sampled_from([*PASSWORDS, *[None] * missing])
        return data.draw(st.lists(one, min_size=number, max_size=number))

    @rule(lanes=st.integers(1, MAX_LANES), workers=st.integers(1, 3))
    def plan(self, lanes: int, workers: int) -> None:
        kernel = _native.chosen_kernel()
        cuts = plan_groups(self.batch.costs, workers, lanes, _native.group_times(kernel))
        with contextlib.suppress(*REFUSALS):
            self.batch.plan(cuts, kernel=kernel, workers=workers)

    @rule(
        cuts=st.lists(st.tuples(st.integers(-1, 32), st.integers(-1, 9), st.integers(-1, 2**40))),
        workers=st.integers(-1, 2),
        kernel=st.sampled_from([_native.chosen_kernel(), "none such"]),
    )
    def plan_badly(self, cuts: list[tuple[int, int, int]], workers: int, kernel: str) -> None:
        with contextlib.suppress(*REFUSALS):
            self.batch.plan(cuts, kernel=kernel, workers=workers)

    @rule(
        slice_ns=st.sampled_from([0, 0, 100_000, 50_000_000, -1, 2**62]),
        what=st.sampled_from(
            ["nothing", "raise", "stop", "read", "run", "plan", "thread", "alarm"]
        ),
        after=st.integers(0, 5),
    )
    def run_it(self, slice_ns: int, what: str, after: int) -> None:
        ticks = 0

        def tick() -> None:
            nonlocal ticks
            ticks += 1
            if ticks > after:
                during[what]()

        def fail() -> None:
            raise Interruption

        during: dict[str, Callable[[], object]] = {
            "nothing": lambda: None,
            "thread": lambda: None,
            "alarm": lambda: None,
            "raise": fail,
            "stop": self.batch.stop,
            "read": self.values_are_right,
            "run": lambda: self.batch.run(tick, slice_ns=0),
            "plan": lambda: self.batch.plan([], kernel=_native.chosen_kernel(), workers=1),
        }
        with contextlib.ExitStack() as stack:
            stack.enter_context(contextlib.suppress(*REFUSALS, Interruption))
            if what == "thread":
                timer = threading.Timer(after / 2000, self.batch.stop)
                timer.start()
                stack.callback(timer.join)
            elif what == "alarm":
                stack.enter_context(alarm_after((after + 1) / 2000))
            self.batch.run(tick, slice_ns=slice_ns)

    @rule()
    def stop(self) -> None:
        self.batch.stop()

    @rule(wrong=st.lists(st.sampled_from([None, b"", b"." * 60, 5]), max_size=20))
    def compare_with_something_else(self, wrong: list[Any]) -> None:
        with contextlib.suppress(*REFUSALS):
            assert len(self.batch.matches(wrong)) == self.total

    @invariant()
    def values_are_right(self) -> None:
        """Each that is there; and each item is done, refused or unprocessed."""
        if not hasattr(self, "batch"):
            return
        values: list[Any] = self.batch.hashes()
        for i, value in enumerate(values):
            password = self.passwords[i]
            if value is not None and self.settings and password is not None:
                assert value == right_hash(password, self.settings[i])
        done = {i for i, value in enumerate(values) if value is not None}
        unprocessed = self.batch.unprocessed()
        assert done | {*unprocessed, *self.batch.refused} == {*range(self.total)}
        assert sorted(unprocessed) == unprocessed
        assert not done & {*unprocessed, *self.batch.refused}
        assert self.batch.items_done <= self.total
        assert len(self.batch.thread_ids) <= 3

    @precondition(lambda self: self.hashes is not None)
    @invariant()
    def matches_are_right(self) -> None:
        assert self.hashes is not None
        for password, hashed, match in zip(
            self.passwords, self.hashes, self.batch.matches(self.hashes), strict=True
        ):
            if match is not None:
                assert password is not None
                assert hashed is not None
                assert match == (right_hash(password, hashed[:29]) == hashed)


TestSequences = Sequences.TestCase
TestSequences.settings = settings(max_examples=examples(100), stateful_step_count=12)
