"""Checks of arguments. Each raises an error that names the argument and says what is allowed."""

from __future__ import annotations

from _operator import index  # all of operator that is needed, and part of Python's binary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sized
    from typing import TypeVar

    T = TypeVar("T")

NS_PER_S = 1_000_000_000
MAX_SECONDS = 1e9  # thirty years; more would not fit the clock's 64 bits


def check_bytes(name: str, value: object) -> None:
    """Raise TypeError unless `value` is bytes; never quote it, it may be a secret."""
    if not isinstance(value, bytes):
        raise TypeError(f"{name} must be bytes, not {type(value).__name__}")


def check_list(name: str, values: Iterable[T]) -> list[T]:
    """Return the values in a list of their own; of one bytes or str, the characters are none."""
    if isinstance(values, (bytes, str)):
        raise TypeError(f"{name} must be a sequence of bytes, not one {type(values).__name__}")
    try:
        iterator = iter(values)
    except TypeError:
        raise TypeError(
            f"{name} must be a sequence of bytes, not {type(values).__name__}"
        ) from None
    return list(iterator)


def check_same_length(passwords: Sized, name: str, values: Sized) -> None:
    """Raise ValueError unless there is one value for each password."""
    if len(values) != len(passwords):
        raise ValueError(
            f"{name} must have one entry for each of the {len(passwords)} passwords, "
            f"not {len(values)}"
        )


def check_range(name: str, value: int, least: int, most: int) -> int:
    """Return `value` as an int between two bounds."""
    if isinstance(value, bool):
        raise TypeError(f"{name} must be an int, not bool")
    try:
        value = index(value)
    except TypeError:
        raise TypeError(f"{name} must be an int, not {type(value).__name__}") from None
    if not least <= value <= most:
        raise ValueError(f"{name} must be from {least} to {most}, not {shown(value)}")
    return value


def shown(value: object) -> object:
    """Return a number, or its size where Python might refuse to write so many digits."""
    if isinstance(value, int) and value.bit_length() > 64:
        return f"an int of {value.bit_length()} bits"
    return value


def check_seconds(name: str, value: float) -> int:
    """Return a number of seconds, 0 or more, in nanoseconds.

    Any number will do, numpy's and Decimal too. By name, since numpy's strings and booleans can be
    made into a float as well.
    """
    kind = type(value)
    if isinstance(value, (str, bytes)) or kind.__name__ in ("bool", "bool_"):
        raise TypeError(f"{name} must be a number of seconds, not {kind.__name__}")
    try:
        seconds = float(value)
    except TypeError:
        raise TypeError(f"{name} must be a number of seconds, not {kind.__name__}") from None
    except OverflowError:  # an int beyond any float
        seconds = MAX_SECONDS if value > 0 else -1.0
    except ValueError:  # a signaling NaN
        seconds = float("nan")
    if not seconds >= 0:  # so that NaN is refused too
        raise ValueError(f"{name} must be 0 seconds or more, not {shown(value)}")
    return int(min(seconds, MAX_SECONDS) * NS_PER_S)
