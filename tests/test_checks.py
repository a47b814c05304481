"""Arguments of any kind of number, and what is none."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from bcrypt_batch import hash_many
from bcrypt_batch.checks import check_bytes, check_range, check_seconds

SECOND_NS = 1_000_000_000


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
        (math.inf, 10**9 * SECOND_NS),
        (10**400, 10**9 * SECOND_NS),
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


def test_bytes() -> None:
    check_bytes("password", b"")
    with pytest.raises(TypeError, match=r"^password must be bytes, not str$"):
        check_bytes("password", "")
