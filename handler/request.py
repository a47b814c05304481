"""Parse an event into a Request, or refuse it with a message that says what to mend.

Anything in an event may be a password in the wrong place, the names of its fields included. So a
message never quotes it: it names the field that is wrong, of what kind its value is, and what is
allowed.
"""

from __future__ import annotations

import bcrypt_batch
from bcrypt_batch.limits import iterations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

MODES = ("sequential", "parallel", "auto")
SOURCES = ("count", "passwords", "verify")
ENCODINGS = ("utf-8", "base64")
PREFIXES = tuple(prefix.decode() for prefix in bcrypt_batch.PREFIXES)
FIELDS = (
    "mode", *SOURCES, "cost", "prefix", "max_cost", "encoding", "truncate",
    "workers", "lanes", "deadline_ms", "partial",
)  # fmt: skip
MAX_ITEMS = 1000
MAX_DEADLINE_MS = 900_000  # the longest that Lambda lets a function run
DEFAULT_COST = 10
# A thread's time for an iteration of the key schedule on no machine that is known: two thirds of
# what the fastest takes, 11 us with all lanes in use (docs/measured.md).
ITERATION_S = 7e-6


class InvalidEvent(ValueError):
    """The event can't be carried out as it is."""


class Request:
    """One event, checked.

    Attributes:
        mode: `sequential` or `parallel`.
        passwords: The passwords, as bytes; None where one is missing or can't be read.
        hashes: As many hashes to check them against, as bytes or None, or None where the passwords
            are to be hashed.
        unreadable: Index of each password that is not in the event's encoding, and its error.
        cost: The cost to hash with.
        prefix: The prefix to hash with.
        max_cost: The highest cost that a hash to check may have.
        truncate: Whether passwords of more than 72 bytes are cut.
        workers: How many threads.
        lanes: At most how many items a thread computes together; None for the kernel's best.
        deadline_ms: After how many milliseconds the batch must end; None where the event is silent.
        partial: Whether to verify what is hopeless to finish, as far as it goes.
    """

    def __init__(self, event: Mapping[str, Any], workers: int) -> None:
        if unknown := sum(name not in FIELDS for name in event):
            raise InvalidEvent(
                f"the event has {unknown} unknown field{'s' * (unknown > 1)}; "
                f"the fields are {_list(FIELDS)}"
            )
        given = [name for name in SOURCES if name in event]
        if len(given) != 1:
            raise InvalidEvent(
                f"exactly one of {_list(SOURCES)} is needed, not {_list(given) or 'none of them'}"
            )
        mode = _choice(event, "mode", MODES, default="auto")
        self._encoding = _choice(event, "encoding", ENCODINGS, default="utf-8")
        self._read_costs(event)
        self.truncate = _boolean(event, "truncate", default="verify" in event)
        self.deadline_ms = _integer_or_none(event, "deadline_ms", 0, MAX_DEADLINE_MS)
        self.partial = _boolean(event, "partial", default="verify" not in event)
        self.passwords: list[bytes | None] = []
        self.hashes: list[bytes | None] | None = None
        self.unreadable: dict[int, bcrypt_batch.ItemError] = {}
        if "count" in event:
            count = _integer(event, "count", 1, MAX_ITEMS)
            self.passwords = [b"password_%06d" % i for i in range(count)]
        elif "passwords" in event:
            for i, password in enumerate(_items(event, "passwords")):
                self._add_password(password, f"passwords[{i}]")
        else:
            self._read_pairs(_items(event, "verify"))
        self._read_parallelism(event, mode, workers)

    def _read_costs(self, event: Mapping[str, Any]) -> None:
        bounds = bcrypt_batch.MIN_COST, bcrypt_batch.MAX_COST
        self.prefix = _choice(event, "prefix", PREFIXES, default="2b").encode()
        self.cost = _integer(event, "cost", *bounds, default=DEFAULT_COST)
        self.max_cost = _integer(event, "max_cost", *bounds, default=bcrypt_batch.DEFAULT_MAX_COST)
        if "verify" not in event:
            for name in ("max_cost", "partial"):
                if name in event:
                    raise InvalidEvent(f"{name} goes with verify only: it is for hashes to check")
            return
        for name in ("cost", "prefix"):
            if name in event:
                raise InvalidEvent(f"{name} does not go with verify: each hash brings its own")

    def _read_pairs(self, pairs: list[Any]) -> None:
        self.hashes = []
        for i, pair in enumerate(pairs):
            if not isinstance(pair, dict) or pair.keys() != {"password", "hash"}:
                raise InvalidEvent(f"verify[{i}] must be an object of a password and a hash")
            self._add_password(pair["password"], f"verify[{i}].password")
            hashed = _text(pair["hash"], f"verify[{i}].hash")
            # What is not in UTF-8 is no hash either, and the library says so of whatever comes out.
            self.hashes.append(None if hashed is None else hashed.encode(errors="surrogatepass"))

    def check_budget(self, seconds: float) -> None:
        """Refuse to begin what no machine can finish in so many seconds, unless `partial` asks to.

        Who sends a hash decides what verifying it costs; so the sum is looked at before the work.

        Raises:
            InvalidEvent: The message has the sum of 2^cost, and what can be done of it.
        """
        if self.partial or self.hashes is None:
            return
        wanted = sum(
            iterations(hashed, self.max_cost)
            for password, hashed in zip(self.passwords, self.hashes, strict=True)
            if password is not None
        )
        budget = int(seconds * self.workers / ITERATION_S)
        if wanted > budget:
            raise InvalidEvent(
                f"verify asks for {wanted} iterations, the sum of 2^cost of its hashes, but in the "
                f"{seconds:.1f} s that there are {self.workers} workers can't do more than "
                f"{budget}; send fewer, give the function more time or memory, or have 'partial' "
                "true to get what is finished by then"
            )

    def _add_password(self, value: Any, name: str) -> None:
        text = _text(value, name)
        password = None if text is None else _decode(text, self._encoding)
        if text is not None and password is None:
            self.unreadable[len(self.passwords)] = bcrypt_batch.ItemError(
                "invalid_password",
                f"the password is not valid {self._encoding}, which the event's passwords are in",
            )
        self.passwords.append(password)

    def _read_parallelism(self, event: Mapping[str, Any], mode: str, workers: int) -> None:
        self.workers = _integer(
            event, "workers", 1, workers, default=workers, bound="all that this function has"
        )
        self.lanes = _integer_or_none(event, "lanes", 1, bcrypt_batch.MAX_LANES)
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


def parse(event: Any, workers: int) -> Request:
    """Return the request that an event makes.

    Args:
        event: As a caller sent it, without what HTTP wraps around it.
        workers: How many threads the function has: so many are used where the event says nothing,
            and it may ask for no more.

    Raises:
        InvalidEvent: It can't be carried out. The message quotes nothing of the event.
    """
    if not isinstance(event, dict):
        raise InvalidEvent(f"the event must be a JSON object, not {_kind(event)}")
    return Request(event, workers)


def _choice(event: Mapping[str, Any], name: str, choices: tuple[str, ...], default: str) -> str:
    value = event.get(name, default)
    if value not in choices:
        kind = "another string" if isinstance(value, str) else _kind(value)
        raise InvalidEvent(f"{name} must be one of {_list(choices)}, not {kind}")
    return str(value)


def _boolean(event: Mapping[str, Any], name: str, default: bool) -> bool:
    value = event.get(name, default)
    if not isinstance(value, bool):
        raise InvalidEvent(f"{name} must be true or false, not {_kind(value)}")
    return value


def _integer(
    event: Mapping[str, Any], name: str, least: int, most: int, default: int = 0, bound: str = ""
) -> int:
    """Return a whole number; `bound` says whose limit `most` is, where it isn't the field's."""
    value = event.get(name, default)
    whole = isinstance(value, int) and not isinstance(value, bool)
    if whole and least <= value <= most:
        return int(value)
    limit = f"{least} to {most}, {bound}" if bound else f"{least} to {most}"
    wrong = "; it is out of that range" if whole else f", not {_kind(value)}"
    raise InvalidEvent(f"{name} must be a whole number from {limit}{wrong}")


def _integer_or_none(event: Mapping[str, Any], name: str, least: int, most: int) -> int | None:
    return _integer(event, name, least, most) if name in event else None


def _items(event: Mapping[str, Any], name: str) -> list[Any]:
    value = event[name]
    if not isinstance(value, list):
        raise InvalidEvent(f"{name} must be a list, not {_kind(value)}")
    if not 1 <= len(value) <= MAX_ITEMS:
        raise InvalidEvent(f"{name} must have from 1 to {MAX_ITEMS} entries, not {len(value)}")
    return value


def _text(value: Any, name: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise InvalidEvent(f"{name} must be a string, not {_kind(value)}")


def _decode(text: str, encoding: str) -> bytes | None:
    """Return the bytes that a text stands for, or None: an error would quote the text."""
    try:
        if encoding == "utf-8":
            return text.encode()
        from binascii import a2b_base64  # here: most events, and a cold start, can do without it

        return a2b_base64(text, strict_mode=True)
    except ValueError:  # binascii.Error and UnicodeEncodeError are such
        return None


def _list(names: Any) -> str:
    return ", ".join(map(repr, names))


def _kind(value: Any) -> str:
    """Name a value's type as JSON does."""
    kinds = {
        dict: "an object", list: "a list", str: "a string", bool: "a boolean",
        float: "a floating-point number", type(None): "null",
    }  # fmt: skip
    return kinds.get(type(value), "a number")
