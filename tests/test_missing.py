"""Missing passwords and hashes, as in tables with gaps: None, or a data frame's NaN."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import bcrypt
import pytest

from bcrypt_batch import ItemError, hash_many, verify_many

HASHED = bcrypt.hashpw(b"pw", b"$2b$04$" + b"." * 22)


class Float(float):
    """A subclass of float, such as numpy.float64."""


MISSING: list[Any] = [None, math.nan, -math.nan, Float("nan"), Decimal("nan")]


class Odd:
    """What can't be compared, not even with itself."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise RuntimeError


@pytest.mark.parametrize("missing", MISSING)
def test_a_missing_password_spoils_nothing(missing: Any) -> None:
    result = hash_many([b"pw", missing, b"pw"], cost=4, salts=[bytes(16)] * 3)
    assert result.values == [HASHED, None, HASHED]
    assert {i: (e.code, e.message) for i, e in result.errors.items()} == {
        1: ("missing_password", "there is no password")
    }
    assert result.complete


@pytest.mark.parametrize("missing", MISSING)
def test_a_missing_part_of_a_pair_spoils_nothing(missing: Any) -> None:
    passwords = [missing, b"pw", missing, b"pw", b"no"]
    result = verify_many(passwords, [HASHED, missing, missing, HASHED, HASHED])
    assert result.values == [None, None, None, True, False]
    codes = {i: error.code for i, error in result.errors.items()}
    assert codes == {0: "missing_password", 1: "missing_hash", 2: "missing_password"}
    assert result.errors[1].message == "there is no hash"


@pytest.mark.parametrize("value", [0.0, math.inf, Decimal("snan"), "", False, Odd()])
def test_what_is_of_another_type_is_not_missing(value: Any) -> None:
    kind = type(value).__name__
    with pytest.raises(TypeError, match=rf"^passwords\[1\] must be bytes, not {kind}$"):
        hash_many([None, value], cost=4)
    for password in (b"pw", None):
        with pytest.raises(TypeError, match=rf"^hashes\[0\] must be bytes, not {kind}$"):
            verify_many([password], [value])
    with pytest.raises(TypeError, match=rf"^passwords\[0\] must be bytes, not {kind}$"):
        verify_many([value], [None])


def check_missing(values: list[Any]) -> None:
    """Each spoils nothing as a password or as a hash, and whoever comes after it is done."""
    made = hash_many([*values, b"pw"], cost=4, salts=[bytes(16)] * (len(values) + 1))
    assert made.values == [None] * len(values) + [HASHED]
    assert {error.code for error in made.errors.values()} == {"missing_password"}
    checked = verify_many([b"pw"] * (len(values) + 1), [*values, HASHED])
    assert checked.values == [None] * len(values) + [True]
    assert {error.code for error in checked.errors.values()} == {"missing_hash"}


def test_what_pandas_has_for_a_missing_value() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed (group tables)")
    check_missing([pandas.NA, pandas.NaT, *pandas.array([None], dtype="Float64")])
    for dtype in ("string[python]", "string[pyarrow]", "str", "object"):
        if "pyarrow" in dtype:
            pytest.importorskip("pyarrow", reason="pyarrow is not installed (group tables)")
        column = pandas.Series(["pw", None], dtype=dtype).str.encode("utf-8")
        result = hash_many(column, cost=4)
        assert (result.values[1], [*result.errors]) == (None, [1]), dtype


def test_what_numpy_has_for_a_missing_value() -> None:
    numpy = pytest.importorskip("numpy")
    masked = numpy.ma.array([b"x"], mask=[True])[0]
    kinds = [getattr(numpy, f"float{bits}")("nan") for bits in (16, 32, 64)]
    check_missing([masked, numpy.datetime64("NaT", "s"), numpy.timedelta64("NaT", "s"), *kinds])
    for array in (numpy.array([1.0, math.nan]), numpy.array([[b"pw"]])):
        with pytest.raises(TypeError, match=r"^passwords\[0\] must be bytes, not ndarray$"):
            hash_many([array], cost=4)
        with pytest.raises(TypeError, match=r"^passwords\[0\] must be bytes, not "):
            hash_many(array, cost=4)


def test_what_arrow_has_for_a_missing_value() -> None:
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed (group tables)")
    check_missing([arrow.NA, *arrow.array([None], arrow.binary()), arrow.scalar(None)])
    with pytest.raises(TypeError, match=r"^passwords\[0\] must be bytes, not BinaryScalar$"):
        hash_many(arrow.array([b"pw"]), cost=4)


REFUSED = ItemError("invalid_password", "the password is not valid base64")


@pytest.mark.parametrize("deadline", [None, 0])
def test_what_was_refused_before_keeps_its_error_and_its_place(deadline: float | None) -> None:
    """Even without time left: an item in error needs none."""
    made = hash_many([REFUSED, b"pw", REFUSED], cost=4, salts=[bytes(16)] * 3, deadline=deadline)
    checked = verify_many([b"pw", b"pw", REFUSED], [HASHED, REFUSED, None], deadline=deadline)
    for result, wrong in ((made, [0, 2]), (checked, [1, 2])):
        assert sorted(result.errors) == wrong
        assert {(e.code, e.message) for e in result.errors.values()} == {
            ("invalid_password", "the password is not valid base64")
        }
        assert result.unprocessed == [i for i in range(3) if i not in wrong and deadline == 0]
    if deadline is None:
        assert (made.values, checked.values) == ([None, HASHED, None], [True, None, None])
