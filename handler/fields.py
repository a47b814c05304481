"""Read the fields of an event, for both functions; refuse an invalid field with a message.

Anything in an event may be a password in the wrong place, even a field's name. So a message never
quotes an event: it names the known field, the kind of its value, and the values allowed.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any, TypeVar

    T = TypeVar("T")

NEEDED: Any = object()  # the default of a field that must be present


class InvalidEvent(ValueError):
    """The event is invalid; the message names the field, the fault, and the values allowed."""


class Fields:
    """The fields of an event, or of an object within it.

    Each method returns one field's value, or the default of a field that isn't there.

    Raises:
        InvalidEvent: The value isn't an object, has an unknown field, or a field is invalid.
    """

    def __init__(self, value: Any, names: Sequence[str], where: str = "") -> None:
        """Take an object.

        Args:
            value: The object, as json.loads makes it.
            names: The names of its possible fields.
            where: The name of the field that holds the object; empty for the event itself.
        """
        called = where or "the event"
        if not isinstance(value, dict):
            raise InvalidEvent(f"{called} must be a JSON object, not {kind(value)}")
        if unknown := sum(name not in names for name in value):
            raise InvalidEvent(
                f"{called} has {unknown} unknown field{'s' * (unknown > 1)}; "
                f"the fields are {listed(names)}"
            )
        self._value = value
        self._prefix = f"{where}." if where else ""

    def __contains__(self, name: str) -> bool:
        return name in self._value

    def get(self, name: str, default: Any = NEEDED) -> Any:
        """Return a field of any kind."""
        value = self._value.get(name, default)
        if value is NEEDED:
            raise InvalidEvent(f"{self._prefix}{name} is needed")
        return value

    def refuse(self, names: Iterable[str], why: str) -> None:
        """Refuse each of these fields."""
        for name in names:
            if name in self:
                raise InvalidEvent(f"{self._prefix}{name} {why}")

    def inner(self, name: str, names: Sequence[str]) -> Fields:
        """Return the fields of an object."""
        return Fields(self.get(name), names, f"{self._prefix}{name}")

    def choice(self, name: str, choices: Sequence[str], default: T = NEEDED) -> str | T:
        value: str | T = self.get(name, default)
        if name not in self or value in choices:
            return value
        found = "another string" if isinstance(value, str) else kind(value)
        raise InvalidEvent(f"{self._prefix}{name} must be one of {listed(choices)}, not {found}")

    def boolean(self, name: str, default: T) -> bool | T:
        value: bool | T = self.get(name, default)
        if name not in self or isinstance(value, bool):
            return value
        raise InvalidEvent(f"{self._prefix}{name} must be true or false, not {kind(value)}")

    def integer(
        self, name: str, least: int, most: int, default: T = NEEDED, bound: str = ""
    ) -> int | T:
        """Return a whole number; `bound` explains a `most` that isn't the field's own limit."""
        value = self.get(name, default)
        if name not in self:
            return default
        # JSON has one kind of number: some programs write 12 as 12.0.
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        whole = whole and not isinstance(value, bool)
        if whole and least <= value <= most:
            return int(value)
        limit = f"{least} to {most}, {bound}" if bound else f"{least} to {most}"
        wrong = "; it is out of that range" if whole else f", not {kind(value)}"
        raise InvalidEvent(f"{self._prefix}{name} must be a whole number from {limit}{wrong}")

    def text(self, name: str, default: T = NEEDED) -> str | T:
        """Return a string that isn't empty."""
        value: str | T = self.get(name, default)
        if name not in self or (isinstance(value, str) and value):
            return value
        found = "an empty one" if value == "" else kind(value)
        raise InvalidEvent(f"{self._prefix}{name} must be a string, not {found}")

    def entries(self, name: str, least: int, most: int) -> list[Any]:
        """Return a list of between `least` and `most` entries, of any kind."""
        value = self.get(name)
        if not isinstance(value, list):
            raise InvalidEvent(f"{self._prefix}{name} must be a list, not {kind(value)}")
        if not least <= len(value) <= most:
            raise InvalidEvent(
                f"{self._prefix}{name} must have from {least} to {most} entries, not {len(value)}"
            )
        return value


def listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))


def kind(value: Any) -> str:
    """Name a value's type as JSON does."""
    kinds = {
        dict: "an object", list: "a list", str: "a string", bool: "a boolean",
        float: "a floating-point number", type(None): "null",
    }  # fmt: skip
    return kinds.get(type(value), "a number")
