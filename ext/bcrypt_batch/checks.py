"""Checks of arguments. Each raises an error that names the argument and says what is allowed."""

from __future__ import annotations

from _collections_abc import Mapping, Reversible, Set  # see batch.py
from _operator import index  # the only function of operator needed; _operator is built in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sized
    from typing import TypeVar

    T = TypeVar("T")

NAMES_OF_BOOL = ("bool", "bool_")  # Python's and numpy's
NS_PER_S = 1_000_000_000
MAX_SECONDS = 365 * 86_400


def check_bytes(name: str, value: object) -> None:
    """Raise TypeError unless `value` is bytes; the message doesn't quote a possible secret."""
    if not isinstance(value, bytes):
        raise TypeError(f"{name} must be bytes, not {type(value).__name__}")


def check_bool(name: str, value: bool) -> bool:
    """Return a bool of Python or numpy as a Python bool; refuse other values, such as "no" or 1."""
    if not isinstance(value, bool) and type(value).__name__ not in NAMES_OF_BOOL:
        raise TypeError(f"{name} must be True or False, not {type(value).__name__}")
    return bool(value)


def check_list(name: str, values: Iterable[T]) -> list[T]:
    """Return the values in a new list, in the same order.

    A single bytes or str is refused: its characters aren't passwords. Other types are refused if
    their items would silently be wrong values, such as the keys of a dict.
    """
    kind = type(values).__name__
    if isinstance(values, (bytes, bytearray, memoryview, str)):
        raise TypeError(f"{name} must be a sequence of bytes, not one {kind}")
    if isinstance(values, Mapping):
        raise TypeError(f"{name} must be a sequence of bytes, not {kind}: pass its values()")
    if isinstance(values, Set) and not isinstance(values, Reversible):
        raise TypeError(f"{name} must be a sequence of bytes, not {kind}: a set has no order")
    if callable(getattr(values, "readline", None)):
        raise TypeError(
            f"{name} must be a sequence of bytes, not {kind}: a file's lines keep their line ends; "
            "pass file.read().splitlines()"
        )
    try:
        iterator = iter(values)
    except TypeError:
        raise TypeError(f"{name} must be a sequence of bytes, not {kind}") from None
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
    """Return a number, or its size in bits if Python might refuse to print its digits."""
    if isinstance(value, int) and value.bit_length() > 64:
        return f"an int of {value.bit_length()} bits"
    return value


def check_seconds(name: str, value: float) -> int:
    """Convert seconds from now to nanoseconds; infinity counts as a year.

    Any type of number is accepted, also Decimal and numpy's types. Strings and booleans are
    refused, though float() accepts them; numpy's bool is recognised by its type's name.
    """
    kind = type(value)
    if isinstance(value, (str, bytes)) or kind.__name__ in NAMES_OF_BOOL:
        raise TypeError(f"{name} must be a number of seconds, not {kind.__name__}")
    try:
        seconds = float(value)
    except TypeError:
        raise TypeError(f"{name} must be a number of seconds, not {kind.__name__}") from None
    except OverflowError:  # an int beyond any float
        seconds = 2.0 * MAX_SECONDS if value > 0 else -1.0
    except ValueError:  # a signaling NaN
        seconds = float("nan")
    if not seconds >= 0:  # written this way, because `seconds < 0` is false for NaN
        raise ValueError(f"{name} must be 0 seconds or more, not {shown(value)}")
    if MAX_SECONDS < seconds < float("inf"):
        raise ValueError(
            f"{name} must be in seconds from now, a year at most, not {shown(value)}: is it a "
            "clock time, such as time.time() + 5?"
        )
    return int(min(seconds, MAX_SECONDS) * NS_PER_S)
