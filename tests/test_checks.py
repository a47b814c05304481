"""Arguments of any kind of number, and values that aren't numbers."""

from __future__ import annotations

import asyncio
import io
import math
import tempfile
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from bcrypt_batch import Checker, hash_many, hashpw, verify_many
from bcrypt_batch.checks import check_bool, check_bytes, check_list, check_range, check_seconds

SECOND_NS = 1_000_000_000
YEAR_S = 365 * 86_400
HASHED = hashpw(b"pw", b"$2b$04$" + b"." * 22)


class Floating:
    def __float__(self) -> float:
        return 2.5


class Indexed:
    def __index__(self) -> int:
        return 2


@pytest.mark.parametrize(
    ("value", "ns"),
    [
        (0, 0),
        (2, 2 * SECOND_NS),
        (0.25, SECOND_NS // 4),
        (Decimal("2.5"), 5 * SECOND_NS // 2),
        (Fraction(5, 2), 5 * SECOND_NS // 2),
        (Floating(), 5 * SECOND_NS // 2),
        (Indexed(), 2 * SECOND_NS),
        (YEAR_S, YEAR_S * SECOND_NS),
        (math.inf, YEAR_S * SECOND_NS),
    ],
)
def test_seconds(value: Any, ns: int) -> None:
    assert check_seconds("deadline", value) == ns


@pytest.mark.parametrize("value", [True, "2", b"2", None, [2], 2j, object()])
def test_what_is_no_number_of_seconds(value: Any) -> None:
    kind = type(value).__name__
    with pytest.raises(TypeError, match=f"^deadline must be a number of seconds, not {kind}$"):
        check_seconds("deadline", value)


@pytest.mark.parametrize("value", [-1, -0.1, math.nan, -math.inf, -(10**400), Decimal("-1")])
def test_seconds_that_can_not_be(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^deadline must be 0 seconds or more, not "):
        check_seconds("deadline", value)


@pytest.mark.parametrize("value", [YEAR_S + 1, 1.8e9, 1_800_000_000_000_000_000, 10**400])
def test_a_time_of_a_clock_is_no_number_of_seconds_from_now(value: Any) -> None:
    """It would never come."""
    with pytest.raises(ValueError, match=r"^deadline must be in seconds from now, a year at most"):
        hash_many([b"pw"], cost=4, deadline=value)
    with Checker() as checker:
        with pytest.raises(ValueError, match=r"^timeout must be in seconds from now"):
            checker.hash(b"pw", cost=4, timeout=value)
        with pytest.raises(ValueError, match=r"^timeout must be in seconds from now"):
            asyncio.run(checker.hash_async(b"pw", cost=4, timeout=value))


def test_numbers_of_numpy() -> None:
    numpy = pytest.importorskip("numpy")
    for name in ("int8", "int32", "uint16", "int64", "float16", "float32", "float64"):
        number = getattr(numpy, name)(3)
        assert check_seconds("deadline", number) == 3 * SECOND_NS, name
        assert hash_many([b"pw"], cost=4, deadline=number).complete, name
    for none in (numpy.bool_(True), numpy.str_("3"), numpy.bytes_(b"3"), numpy.array([1, 2])):
        with pytest.raises(TypeError, match="deadline must be a number of seconds, not "):
            check_seconds("deadline", none)
    with pytest.raises(ValueError, match="deadline must be 0 seconds or more, not nan"):
        check_seconds("deadline", numpy.float32("nan"))
    assert type(check_range("cost", numpy.int64(4), 4, 31)) is int
    with pytest.raises(TypeError, match="cost must be an int, not "):
        check_range("cost", numpy.bool_(True), 0, 31)


def test_bounds_are_included() -> None:
    assert [check_range("cost", value, 4, 31) for value in (4, 31)] == [4, 31]
    for value in (3, 32):
        with pytest.raises(ValueError, match=f"^cost must be from 4 to 31, not {value}$"):
            check_range("cost", value, 4, 31)


@pytest.mark.parametrize("value", ["false", "", b"", 0, 1, None])
def test_what_is_neither_true_nor_false(value: Any) -> None:
    """`truncate="false"` would cut."""
    match = f"must be True or False, not {type(value).__name__}$"
    with pytest.raises(TypeError, match=f"^truncate {match}"):
        hash_many([b"x" * 80], cost=4, truncate=value)
    with pytest.raises(TypeError, match=f"^truncate {match}"):
        verify_many([b"x" * 80], [HASHED], truncate=value)
    with Checker() as checker, pytest.raises(TypeError, match=f"^wait {match}"):
        checker.close(wait=value)


def test_booleans_of_numpy() -> None:
    numpy = pytest.importorskip("numpy")
    assert [check_bool("truncate", numpy.bool_(value)) for value in (0, 1)] == [False, True]


def with_lines(kind: str) -> Any:
    if kind == "open":
        return (Path(__file__).parent / "vectors/random_answers.jsonl").open("rb")
    return io.BytesIO(b"pw\n") if kind == "BytesIO" else tempfile.NamedTemporaryFile()


@pytest.mark.parametrize("kind", ["open", "BytesIO", "NamedTemporaryFile"])
def test_a_file_is_no_sequence(kind: str) -> None:
    """Its lines keep their line ends, which are no part of a password."""
    with with_lines(kind) as file, pytest.raises(TypeError, match="a file's lines keep"):
        hash_many(file, cost=4)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (b"pw", "not one bytes"),
        (bytearray(b"pw"), "not one bytearray"),
        (memoryview(b"pw"), "not one memoryview"),
        ("pw", "not one str"),
        ({b"pw"}, "not set: a set has no order"),
        (frozenset({b"pw"}), "not frozenset: a set has no order"),
        ({b"user": b"pw"}, r"not dict: pass its values\(\)"),
        (7, "not int"),
    ],
)
def test_what_is_no_sequence_of_bytes(values: Any, said: str) -> None:
    match = f"must be a sequence of bytes, {said}$"
    with pytest.raises(TypeError, match=f"^passwords {match}"):
        hash_many(values, cost=4)
    with pytest.raises(TypeError, match=f"^salts {match}"):
        hash_many([b"pw"], cost=4, salts=values)
    with pytest.raises(TypeError, match=f"^passwords {match}"):
        verify_many(values, [HASHED])
    with pytest.raises(TypeError, match=f"^hashes {match}"):
        verify_many([b"pw"], values)


def test_what_is_a_sequence_of_bytes() -> None:
    """Whatever has an order, once."""
    passwords = [b"a", b"b"]
    by_user = dict(zip((b"x", b"y"), passwords, strict=True))
    for values in (tuple(passwords), iter(passwords), by_user.values(), dict.fromkeys(passwords)):
        given = values.keys() if isinstance(values, dict) else values
        assert check_list("passwords", given) == passwords


def test_columns_of_other_libraries() -> None:
    numpy = pytest.importorskip("numpy")
    pandas = pytest.importorskip("pandas", reason="pandas is not installed (group tables)")
    values = [b"pw", b"other"]
    of_pandas = pandas.Series(values, index=["readline", "x"])  # which it has as attributes, too
    for column in (numpy.array(values), numpy.array(values, dtype=object), of_pandas):
        assert verify_many(column, [HASHED] * 2).values == [True, False]


def test_bytes() -> None:
    check_bytes("password", b"")
    with pytest.raises(TypeError, match=r"^password must be bytes, not str$"):
        check_bytes("password", "")
