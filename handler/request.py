"""Parse an event into a Request, or refuse it with a message that says what to mend."""

from __future__ import annotations

import json

import bcrypt_batch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

MODES = ("sequential", "parallel", "auto")
SOURCES = ("count", "passwords", "verify")
ENCODINGS = ("utf-8", "base64")
PREFIXES = tuple(prefix.decode() for prefix in bcrypt_batch.PREFIXES)
MAX_ITEMS = 1000
DEFAULT_COST = 10


class InvalidEvent(ValueError):
    """The event can't be carried out as it is."""


class Request:
    """One event, checked.

    Attributes:
        mode: `sequential` or `parallel`.
        passwords: The passwords, as bytes.
        hashes: As many hashes to check them against, or None where they are to be hashed.
        cost: The cost to hash with.
        prefix: The prefix to hash with.
        workers: How many threads.
        lanes: At most how many items a thread computes together; None for the kernel's best.
    """

    def __init__(self, event: Mapping[str, Any], default_workers: int) -> None:
        fields = ("mode", "cost", "prefix", "encoding", "workers", "lanes", *SOURCES)
        if unknown := [name for name in event if name not in fields]:
            raise InvalidEvent(
                f"unknown field {str(unknown[0])[:40]!r}; the fields are {_list(fields)}"
            )
        given = [name for name in SOURCES if name in event]
        if len(given) != 1:
            raise InvalidEvent(
                f"exactly one of {_list(SOURCES)} is needed, not {_list(given) or 'none of them'}"
            )
        mode = _choice(event, "mode", MODES, default="auto")
        encoding = _choice(event, "encoding", ENCODINGS, default="utf-8")
        self.prefix = _choice(event, "prefix", PREFIXES, default="2b").encode()
        self.cost = _integer(
            event, "cost", bcrypt_batch.MIN_COST, bcrypt_batch.MAX_COST, default=DEFAULT_COST
        )
        self.hashes: list[bytes] | None = None
        if "count" in event:
            count = _integer(event, "count", 1, MAX_ITEMS)
            self.passwords = [b"password_%06d" % i for i in range(count)]
        elif "passwords" in event:
            passwords = _items(event, "passwords")
            self.passwords = [
                _text(password, encoding, f"passwords[{i}]") for i, password in enumerate(passwords)
            ]
        else:
            for name in ("cost", "prefix"):
                if name in event:
                    raise InvalidEvent(f"{name} does not go with verify: each hash brings its own")
            self._read_pairs(_items(event, "verify"), encoding)
        self._read_parallelism(event, mode, default_workers)

    def _read_pairs(self, pairs: list[Any], encoding: str) -> None:
        self.passwords = []
        self.hashes = []
        for i, pair in enumerate(pairs):
            if not isinstance(pair, dict) or sorted(pair) != ["hash", "password"]:
                raise InvalidEvent(f"verify[{i}] must be an object of a password and a hash")
            self.passwords.append(_text(pair["password"], encoding, f"verify[{i}].password"))
            self.hashes.append(_text(pair["hash"], "utf-8", f"verify[{i}].hash"))

    def _read_parallelism(self, event: Mapping[str, Any], mode: str, default_workers: int) -> None:
        self.workers = _integer(
            event, "workers", 1, bcrypt_batch.MAX_WORKERS, default=default_workers
        )
        self.lanes: int | None = None
        if "lanes" in event:
            self.lanes = _integer(event, "lanes", 1, bcrypt_batch.MAX_LANES)
        if mode == "auto":
            alone = self.workers == 1 and len(self.passwords) == 1
            mode = "sequential" if alone else "parallel"
        elif mode == "sequential":
            for name in ("workers", "lanes"):
                if event.get(name, 1) != 1:
                    raise InvalidEvent(
                        f"{name} does not go with mode 'sequential', which is one item at a time"
                    )
        self.mode = mode
        if mode == "sequential":
            self.workers = self.lanes = 1


def parse(event: Any, over_http: bool, default_workers: int) -> Request:
    """Return the request that an event makes.

    Args:
        event: As Lambda hands it over; with `over_http`, the event is in its body.
        over_http: Whether it came through a Function URL or API Gateway (payload 1.0 or 2.0).
        default_workers: How many threads where the event says nothing.

    Raises:
        InvalidEvent: It can't be carried out. The message never quotes a password or a hash.
    """
    if over_http:
        event = _body(event)
    if not isinstance(event, dict):
        raise InvalidEvent(f"the event must be a JSON object, not {_kind(event)}")
    return Request(event, default_workers)


def _body(event: dict[str, Any]) -> Any:
    body: Any = event.get("body")
    try:
        return json.loads(_decode(body, strict=False) if event.get("isBase64Encoded") else body)
    except (TypeError, ValueError, RecursionError):
        # Without the decoder's message, which may quote what stands around the fault.
        raise InvalidEvent("the request's body must be a JSON object in UTF-8") from None


def _choice(event: Mapping[str, Any], name: str, choices: tuple[str, ...], default: str) -> str:
    value = event.get(name, default)
    if value not in choices:
        raise InvalidEvent(f"{name} must be one of {_list(choices)}, not {_shown(value)}")
    return str(value)


def _integer(
    event: Mapping[str, Any], name: str, least: int, most: int, default: int | None = None
) -> int:
    value = event.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidEvent(
            f"{name} must be a whole number from {least} to {most}, not {_shown(value)}"
        )
    return value


def _items(event: Mapping[str, Any], name: str) -> list[Any]:
    value = event[name]
    if not isinstance(value, list):
        raise InvalidEvent(f"{name} must be a list, not {_kind(value)}")
    if not 1 <= len(value) <= MAX_ITEMS:
        raise InvalidEvent(f"{name} must have from 1 to {MAX_ITEMS} entries, not {len(value)}")
    return value


def _text(value: Any, encoding: str, name: str) -> bytes:
    if not isinstance(value, str):
        raise InvalidEvent(f"{name} must be a string, not {_kind(value)}")
    try:
        if encoding == "base64":
            return _decode(value, strict=True)
        return value.encode()
    except ValueError:  # binascii.Error and UnicodeEncodeError are such
        raise InvalidEvent(f"{name} is not valid {encoding}") from None


def _decode(value: str, strict: bool) -> bytes:
    from binascii import a2b_base64  # here: most events, and a cold start, can do without it

    return a2b_base64(value, strict_mode=strict)


def _list(names: Any) -> str:
    return ", ".join(map(repr, names))


def _kind(value: Any) -> str:
    """Name a value's type as JSON does."""
    kinds = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    return "null" if value is None else kinds.get(type(value), "a number")


def _shown(value: Any) -> str:
    """Show a short scalar; anything else might be a password in the wrong field."""
    if isinstance(value, (bool, int, float)) or value is None:
        return json.dumps(value)
    return repr(value) if isinstance(value, str) and len(value) <= 16 else _kind(value)
