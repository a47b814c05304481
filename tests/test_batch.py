"""hash_many and verify_many: results, errors of items, arguments, deadlines, progress."""

from __future__ import annotations

import random
import sys
import time
from decimal import Decimal
from itertools import pairwise
from typing import Any

import bcrypt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bcrypt_batch
from bcrypt_batch import _native, hash_many, run, verify_many
from bcrypt_batch.grouping import plan_groups
from bcrypt_batch.lanes import lane_limit
from tests.examples import examples
from tests.kernels import MAX_LANES, vectors

LANES = 3  # forced where a test needs to know the lane count
SLOW_COST = 14  # a group takes about a second, longer than a test looks


def hashes_of(result: bcrypt_batch.BatchResult[bytes]) -> list[bytes]:
    """Return the hashes of a batch in which each item was done."""
    return [hashed for hashed in result.values if hashed]


def salts_for(count: int) -> list[bytes]:
    return [i.to_bytes(16, "big") for i in range(count)]


# Around the lane count, as in test_kernel, and around workers times lanes: one item less than fills
# all lanes of all workers, exactly as many, and one more.
SIZES = [0, 1, LANES - 1, LANES, LANES + 1, 2 * LANES + 1, 2 * LANES - 1, 2 * LANES]


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("size", sorted(set(SIZES)))
def test_a_batch_equals_a_map_of_singles(size: int, workers: int) -> None:
    passwords = [b"password %d" % i for i in range(size)]
    result = hash_many(passwords, cost=4, salts=salts_for(size), workers=workers, lanes=LANES)
    assert result.complete
    assert result.errors == {}
    assert len(result.values) == size
    for password, hashed in zip(passwords, result.values, strict=True):
        assert hashed is not None
        assert hashed == bcrypt_batch.hashpw(password, hashed)
        assert bcrypt.checkpw(password, hashed)
    assert verify_many(passwords, hashes_of(result), workers=workers).values == [True] * size


@settings(max_examples=examples(25))
@given(
    passwords=st.lists(st.binary(max_size=80), max_size=20),
    workers=st.integers(1, 4),
    lanes=st.integers(1, MAX_LANES),
    order=st.randoms(use_true_random=False),
)
def test_neither_order_nor_workers_nor_lanes_change_a_result(
    passwords: list[bytes], workers: int, lanes: int, order: random.Random
) -> None:
    salts = salts_for(len(passwords))
    expected = hash_many(passwords, cost=4, salts=salts, truncate=True, workers=1, lanes=1).values
    permutation = list(range(len(passwords)))
    order.shuffle(permutation)
    shuffled = hash_many(
        [passwords[i] for i in permutation],
        cost=4,
        salts=[salts[i] for i in permutation],
        truncate=True,
        workers=workers,
        lanes=lanes,
    )
    assert shuffled.values == [expected[i] for i in permutation]
    for password, hashed in zip(passwords, expected, strict=True):
        assert hashed is not None
        assert bcrypt.checkpw(password[:72], hashed)


def test_mixed_costs_and_prefixes_in_one_batch() -> None:
    known = vectors()
    random.Random(0).shuffle(known)
    passwords = [password for password, _ in known]
    hashes = [hashed for _, hashed in known]
    assert set(verify_many(passwords, hashes, workers=2).values) == {True}
    wrong = [b"none of these"] * len(hashes)
    assert set(verify_many(wrong, hashes, workers=2).values) == {False}


def test_one_bad_item_spoils_nothing() -> None:
    good = bcrypt.hashpw(b"good", bcrypt.gensalt(4))
    cases = [
        (b"good", good, True, None),
        (b"bad", good, False, None),
        (b"x", b"", None, "invalid_hash"),
        (b"x", good[:-1], None, "invalid_hash"),
        (b"x", b"$2$" + good[3:], None, "invalid_hash"),
        (b"x", b"$2b$16" + good[6:], None, "cost_too_high"),
        (b"x" * 73, good, None, "password_too_long"),
        (b"good", good, True, None),
    ]
    result = verify_many(
        [password for password, *_ in cases],
        [hashed for _, hashed, *_ in cases],
        max_cost=15,
        truncate=False,
    )
    assert result.values == [value for *_, value, _ in cases]
    codes = {i: case[3] for i, case in enumerate(cases) if case[3]}
    assert {i: error.code for i, error in result.errors.items()} == codes
    assert result.complete
    assert "at most 15" in result.errors[5].message


@settings(max_examples=examples(80))
@given(
    st.one_of(
        st.binary(max_size=70),
        st.binary(min_size=60, max_size=60),
        st.binary(min_size=53, max_size=53).map(lambda tail: b"$2b$04$" + tail),
    )
)
def test_no_hash_does_more_than_fail(hashed: bytes) -> None:
    result = verify_many([b"pw"], [hashed])
    if result.values == [None]:
        codes = ("invalid_hash", "unsupported_scheme", "cost_too_high")
        assert result.errors[0].code in codes
    else:
        assert result.values == [False]


def test_long_passwords() -> None:
    long = b"x" * 73
    result = hash_many([b"ok", long], cost=4)
    assert result.values[0] is not None
    assert result.values[1] is None
    assert result.errors[1].code == "password_too_long"
    (hashed,) = hash_many([long], cost=4, truncate=True).values
    assert hashed is not None
    assert bcrypt.checkpw(long[:72], hashed)
    assert verify_many([long], [hashed]).values == [True]


def test_what_was_cut_is_listed() -> None:
    long, most = b"x" * 73, b"x" * 72
    passwords = [most, long, None, b"y" + long, bcrypt_batch.ItemError("mine", "refused"), b""]
    assert hash_many(passwords, cost=4).truncated == []
    made = hash_many(passwords, cost=4, truncate=True)
    assert made.truncated == [1, 3]
    assert hash_many(passwords, cost=4, truncate=True, deadline=0).truncated == []
    (hashed,) = hash_many([most], cost=4).values
    hashes = [hashed] * len(passwords)
    checked = verify_many(passwords, hashes)
    assert (checked.values[:4], checked.truncated) == ([True, True, None, False], [1, 3])
    assert verify_many(passwords, [b"!", b"!", *hashes[2:]]).truncated == [3]
    assert verify_many(passwords, hashes, truncate=False).truncated == []


def test_defaults() -> None:
    started_ns = time.monotonic_ns()
    result = hash_many([b"pw"])
    took_ns = time.monotonic_ns() - started_ns
    (hashed,) = result.values
    assert hashed is not None
    assert hashed.startswith(b"$2b$12$")
    assert result.stats.workers == bcrypt_batch.worker_count()
    assert result.stats.kernel == bcrypt_batch.kernels().chosen
    assert result.stats.lanes == 1
    assert 1_000_000 < result.stats.elapsed_ns <= took_ns


def test_default_lanes_are_what_is_fastest() -> None:
    """A worker with many items interleaves as many as the planner says, not one at a time."""
    chosen = bcrypt_batch.kernels().chosen
    times = _native.group_times(chosen)
    for count in (2, 40):
        planned = plan_groups({4: count}, 1, lane_limit(chosen, 1), times)
        expected = max(lanes for _, lanes, _ in planned)
        result = hash_many([b"pw"] * count, cost=4, workers=1)
        assert 1 < result.stats.lanes == expected


def test_default_max_cost() -> None:
    """A person who can store a hash can't cause days of work."""
    hashes = [b"$2b$%d$" % cost + b"." * 53 for cost in (16, 17)]
    result = verify_many([b"pw"] * 2, hashes, deadline=0.5)
    assert list(result.errors) == [1]
    assert result.errors[1].code == "cost_too_high"
    assert "at most 16" in result.errors[1].message


@pytest.mark.parametrize("lanes", [1, 2, 8])
def test_what_takes_longest_comes_first(lanes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Observed from outside: one worker, and a count of finished items after each millisecond."""
    costs = [4] * 11 + [6] * 2 + [5] * 3 + [7] + [4] * 6 + [6] * 3
    hashes = [b"$2b$%02d$" % cost + b"." * 53 for cost in costs]
    monkeypatch.setattr(run, "TICK_NS", 0)
    done: list[set[int]] = [set()]

    def look(*_: int) -> None:
        now = {i for i, value in enumerate(call.batch.hashes()) if value}
        if now != done[-1]:
            done.append(now)

    call = run.BatchRun(len(costs), 1, lanes, None, look, 0)
    call.batch.add_hashes([b"pw"] * len(costs), [*hashes], max_cost=31, truncate=True)
    call.compute()
    times = _native.group_times(call.kernel)
    durations = []
    for before, after in pairwise(done):
        (cost,) = {costs[i] for i in after - before}
        durations.append(times[len(after - before) - 1] << cost)
    assert len(durations) >= len(set(costs))
    assert durations == sorted(durations, reverse=True)
    assert done[-1] == set(range(len(costs)))


def test_salts_are_new_in_every_call_and_item() -> None:
    hashes = hash_many([b"pw"] * 50, cost=4).values + hash_many([b"pw"] * 50, cost=4).values
    assert len({hashed[7:29] for hashed in hashes if hashed}) == 100


def test_any_iterable_of_bytes() -> None:
    class Sub(bytes):
        pass

    result = hash_many((Sub(b"%d" % i) for i in range(3)), cost=4)
    assert verify_many(iter([b"0", b"1", b"2"]), tuple(hashes_of(result))).values == [True] * 3


@pytest.mark.parametrize(
    ("error", "match", "arguments"),
    [
        (TypeError, "passwords must be a sequence of bytes, not one str", {"passwords": "pw"}),
        (TypeError, "passwords must be a sequence of bytes, not one bytes", {"passwords": b"pw"}),
        (TypeError, r"passwords\[1\] must be bytes, not str", {"passwords": [b"a", "b"]}),
        (TypeError, r"passwords\[0\] must be bytes, not int", {"passwords": [7]}),
        (
            TypeError,
            r"passwords\[1\] must be bytes, not bytearray",
            {"passwords": [None, bytearray()]},
        ),
        (TypeError, "passwords must be a sequence of bytes, not int", {"passwords": 7}),
        (TypeError, "salts must be a sequence of bytes, not int", {"salts": 7}),
        (TypeError, "cost must be an int, not float", {"cost": 10.0}),
        (TypeError, "cost must be an int, not bool", {"cost": True}),
        (ValueError, "cost must be from 4 to 31, not 3", {"cost": 3}),
        (ValueError, "cost must be from 4 to 31, not 32", {"cost": 32}),
        (ValueError, "from 4 to 31, not an int of 33220 bits", {"cost": 10**10_000}),
        (ValueError, "prefix must be one of b'2a', b'2b', b'2y'$", {"prefix": b"2x"}),
        (TypeError, "prefix must be bytes, not str", {"prefix": "2b"}),
        (TypeError, "salts must be a sequence of bytes", {"salts": b"s" * 16}),
        (ValueError, "one entry for each of the 1 passwords, not 2", {"salts": [b"s" * 16] * 2}),
        (ValueError, r"salts\[0\] must be 16 raw bytes, not 29", {"salts": [b"s" * 29]}),
        (TypeError, r"salts\[0\] must be bytes, not str", {"salts": ["s" * 16]}),
        (ValueError, "workers must be from 1 to 1024, not 0", {"workers": 0}),
        (TypeError, "workers must be an int, not str", {"workers": "2"}),
        (ValueError, "lanes must be from 1 to 11, not 12", {"lanes": 12}),
        (TypeError, "lanes must be an int, not float", {"lanes": 4.0}),
        (ValueError, "deadline must be 0 seconds or more, not -1", {"deadline": -1}),
        (ValueError, "deadline must be 0 seconds or more, not nan", {"deadline": float("nan")}),
        (ValueError, "seconds or more, not an int of 33220 bits", {"deadline": -(10**10_000)}),
        (ValueError, "deadline must be 0 seconds or more, not sNaN", {"deadline": Decimal("sNaN")}),
        (TypeError, "deadline must be a number of seconds, not str", {"deadline": "1"}),
        (TypeError, "progress must be callable, not int", {"progress": 1}),
    ],
)
def test_hash_many_refuses(error: type[Exception], match: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(error, match=match):
        hash_many(**{"passwords": [b"pw"], "cost": 4, **arguments})


@pytest.mark.parametrize(
    ("error", "match", "arguments"),
    [
        (ValueError, "hashes must have one entry for each of the 1", {"hashes": []}),
        (TypeError, "hashes must be a sequence of bytes", {"hashes": b""}),
        (TypeError, r"hashes\[0\] must be bytes, not str", {"hashes": ["$2b$"]}),
        (ValueError, "max_cost must be from 4 to 31, not 3", {"max_cost": 3}),
        (TypeError, "max_cost must be an int, not NoneType", {"max_cost": None}),
    ],
)
def test_verify_many_refuses(error: type[Exception], match: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(error, match=match):
        verify_many(**{"passwords": [b"pw"], "hashes": [b""], **arguments})


@pytest.mark.parametrize("workers", [1, 2])
def test_a_deadline_ends_the_batch_and_loses_nothing(workers: int) -> None:
    passwords = [b"%d" % i for i in range(6)]
    hashes: list[Any] = hash_many(passwords, cost=4, workers=workers).values
    # Two cheap hashes follow two costly ones, which start first and can't end in time.
    costly = [hashed.replace(b"$04$", b"$20$") for hashed in hashes[:2]]
    started = time.monotonic()
    result = verify_many(passwords[:2], costly, max_cost=20, deadline=0.2, workers=workers)
    assert time.monotonic() - started < 2
    assert result.values == [None, None]
    assert result.unprocessed == [0, 1]
    assert not result.complete
    assert result.errors == {}


def test_a_deadline_keeps_what_was_finished() -> None:
    """Groups take some milliseconds each: some are done within tenths of a second."""
    for deadline in (0.1, 0.5, 2.5):
        result = hash_many([b"pw"] * 2000, cost=8, workers=2, lanes=1, deadline=deadline)
        done = [i for i, hashed in enumerate(result.values) if hashed]
        if done:
            break
    assert 0 < len(done) < 2000
    assert sorted(done + result.unprocessed) == list(range(2000))
    assert bcrypt.checkpw(b"pw", result.values[done[-1]] or b"")


@pytest.mark.parametrize("deadline", [0, 0.0])
def test_no_time_at_all(deadline: float) -> None:
    result = hash_many([b"pw"] * 4, cost=4, workers=2, deadline=deadline)
    assert result.unprocessed == [0, 1, 2, 3]
    assert result.stats.threads_used == 0


def test_endless_deadline() -> None:
    assert hash_many([b"pw"], cost=4, deadline=float("inf")).complete


@pytest.mark.parametrize("workers", [1, 2])
def test_progress(workers: int) -> None:
    seen: list[tuple[int, int]] = []
    result = hash_many(
        [b"pw"] * 60 + [b"x" * 73],
        cost=8,
        workers=workers,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert result.complete
    assert {total for _, total in seen} == {61}
    counts = [done for done, _ in seen]
    assert counts == sorted(counts)
    assert counts[-1] == 61


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_is_told_about_20_times_a_second(workers: int) -> None:
    calls: list[int] = []
    result = hash_many(
        [b"pw"] * 4, cost=20, workers=workers, deadline=0.3, progress=lambda *now: calls.append(1)
    )
    assert 2 <= len(calls) <= result.stats.elapsed_ns / 50_000_000 + 1


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_can_stop_the_batch(workers: int) -> None:
    result = hash_many([b"pw"] * 8, cost=SLOW_COST, workers=workers, progress=lambda *_: False)
    assert result.unprocessed == list(range(8))


@pytest.mark.parametrize("workers", [1, 2])
def test_an_exception_in_progress_keeps_what_was_finished(workers: int) -> None:
    class Enough(Exception):
        batch_result: bcrypt_batch.BatchResult[bytes]

    def progress(done: int, _: int) -> None:
        if done >= 3:
            raise Enough

    with pytest.raises(Enough) as caught:
        hash_many([b"pw"] * 500, cost=8, workers=workers, progress=progress)
    result = caught.value.batch_result
    done = [hashed for hashed in result.values if hashed]
    assert len(done) >= 3
    assert len(done) + len(result.unprocessed) == 500
    assert bcrypt.checkpw(b"pw", done[0])


def test_passwords_are_let_go_before_they_are_computed() -> None:
    """A list made of an iterable would hold 8 bytes an item during the whole batch."""
    password = bytes(bytearray(b"pw"))
    held = []

    def progress(done: int, total: int) -> None:
        held.append(sys.getrefcount(password))

    before = sys.getrefcount(password)
    hashed = hash_many((password for _ in range(9)), cost=4, progress=progress).values
    assert verify_many((password for _ in range(9)), hashed, progress=progress).values == [True] * 9
    assert set(held) == {before}


def test_a_thousand_items() -> None:
    passwords = [b"password_%06d" % i for i in range(1000)]
    result = hash_many(passwords, cost=4, workers=2)
    assert result.complete
    sample = random.Random(1).sample(range(1000), 30)
    assert all(bcrypt.checkpw(passwords[i], result.values[i] or b"") for i in sample)


def test_progress_may_be_something_that_is_empty() -> None:
    class Told(list[int]):
        def __call__(self, done: int, _: int) -> None:
            self.append(done)

    told = Told()
    hash_many([b"pw"] * 3, cost=4, progress=told)
    assert told[-1] == 3
