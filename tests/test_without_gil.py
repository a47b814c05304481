"""What Python's GIL would guard, by threads that begin together.

A free-threaded Python runs them at the same time: see `make free-threaded`.
"""

from __future__ import annotations

import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import pytest

from bcrypt_batch import Checker, _native, hash_many, verify_many

T = TypeVar("T")
Together = Callable[[Callable[[], T]], list[T]]

THREADS = 8
ROUNDS = 100
SLICE_NS = 1_000_000


@pytest.fixture(scope="module")
def together() -> Iterator[Together[object]]:
    """Call a function in all threads at once; return what it returned."""
    barrier = threading.Barrier(THREADS)
    with ThreadPoolExecutor(THREADS) as pool:

        def call(function: Callable[[], object]) -> list[object]:
            def wait_and_call(_: int) -> object:
                barrier.wait()
                return function()

            return list(pool.map(wait_and_call, range(THREADS)))

        yield call


def test_importing_the_package_leaves_the_gil_off() -> None:
    if not sysconfig.get_config_var("Py_GIL_DISABLED"):
        pytest.skip("this Python has a GIL")
    assert not sys._is_gil_enabled()  # type: ignore[attr-defined,unused-ignore]


def test_one_of_many_first_calls_makes_the_pool_and_the_last_close_ends_it(
    together: Together[object],
) -> None:
    kernel = _native.chosen_kernel()
    for _ in range(ROUNDS):
        one = _native.Queue(kernel=kernel, workers=1, lanes=1, max_waiting=0)
        assert sorted(together(one.start), key=str) == [1] + [None] * (THREADS - 1)
        assert one.started
        together(partial(one.close, lambda: None, drain=True, slice_ns=SLICE_NS))
        assert not one.started


def test_one_checker_and_batches_in_all_threads(together: Together[object]) -> None:
    with Checker(workers=2) as checker:

        def work() -> bool:
            hashes = hash_many([b"pw", b"other"], cost=4, workers=2).values
            made = checker.hash(b"pw", cost=4)
            wrong = checker.check(b"other", made)
            return verify_many([b"pw", b"pw"], hashes).values == [True, False] and not wrong

        for _ in range(10):
            assert together(work) == [True] * THREADS
        assert checker.stats().finished == 10 * 2 * THREADS
