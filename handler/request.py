"""Parse an event into a Request, or refuse it with a message that says what to correct."""

from __future__ import annotations

from itertools import compress  # itertools is built into Python, so it loads no file

import bcrypt_batch
from bcrypt_batch.limits import DEFAULT_PREFIX, PREFIX_NAMES, iterations
from fields import Fields, InvalidEvent, kind, listed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MODES = ("sequential", "parallel", "auto")
SOURCES = ("count", "passwords", "verify")
ENCODINGS = ("utf-8", "base64")
FIELDS = (
    "mode", *SOURCES, "cost", "prefix", "max_cost", "scheme", "encoding", "truncate",
    "workers", "lanes", "deadline_ms", "partial",
)  # fmt: skip
INVALID_PASSWORD = "invalid_password"  # the code of a password that is not in the encoding
MAX_ITEMS = 1000
MAX_DEADLINE_MS = 900_000  # the longest that Lambda lets a function run
EVENT_COST = 10  # default of events, below the library's, so that answers come in time
# A thread's time for an iteration of the key schedule, shorter than on any known machine: two
# thirds of the 11 us that the fastest machine takes with all lanes in use (docs/measured.md).
ITERATION_S = 7e-6


class Request:
    """One event, checked.

    Args:
        event: The event, without an HTTP envelope.
        workers: The number of the function's threads: the default, and the most that an event may
            ask for.
        shared: Whether these threads compute the requests of other processes, too.

    Raises:
        InvalidEvent: The event is invalid. The message quotes nothing of it.

    Attributes:
        mode: `sequential` or `parallel`.
        passwords: The passwords, as bytes; None for a missing password, an ItemError for one that
            is not in the event's encoding.
        hashes: One hash for each password, as bytes or None; None instead of the list if the
            passwords are to be hashed.
        cost: The cost to hash with.
        prefix: The prefix to hash with.
        scheme: As for `hash_many` or `verify_many`.
        max_cost: The highest cost that a hash to check may have.
        truncate: Whether passwords of more than 72 bytes are cut.
        workers: The number of threads.
        lanes: The most items that a thread computes together; None for the kernel's best.
        deadline_ms: After how many milliseconds the batch must end; None if the event has no limit.
        partial: Whether to do as many items as possible if time is too short for all.
    """

    def __init__(self, event: Any, workers: int, shared: bool = False) -> None:
        fields = Fields(event, FIELDS)
        given = [name for name in SOURCES if name in fields]
        if len(given) != 1:
            raise InvalidEvent(
                f"exactly one of {listed(SOURCES)} is needed, not {listed(given) or 'none of them'}"
            )
        mode = fields.choice("mode", MODES, "auto")
        self._encoding = fields.choice("encoding", ENCODINGS, "utf-8")
        self.scheme, prefix = _scheme(fields)
        self._read_costs(fields, prefix)
        self.truncate = fields.boolean("truncate", "verify" in fields)
        self.deadline_ms = fields.integer("deadline_ms", 0, MAX_DEADLINE_MS, None)
        self.partial = fields.boolean("partial", False)
        self.passwords: list[bytes | bcrypt_batch.ItemError | None] = []
        self.hashes: list[bytes | None] | None = None
        if "count" in fields:
            count = fields.integer("count", 1, MAX_ITEMS)
            self.passwords = [b"password_%06d" % i for i in range(count)]
        elif "passwords" in fields:
            for i, password in enumerate(fields.entries("passwords", 1, MAX_ITEMS)):
                self._add_password(password, f"passwords[{i}]")
        else:
            self._read_pairs(fields.entries("verify", 1, MAX_ITEMS))
        self._read_parallelism(fields, mode, workers, shared)

    def _read_costs(self, event: Fields, prefix: str) -> None:
        bounds = bcrypt_batch.MIN_COST, bcrypt_batch.MAX_COST
        self.prefix = event.choice("prefix", PREFIX_NAMES, prefix).encode()
        self.cost = event.integer("cost", *bounds, EVENT_COST)
        self.max_cost = event.integer("max_cost", *bounds, bcrypt_batch.DEFAULT_MAX_COST)
        if "verify" in event:
            event.refuse(("cost", "prefix"), "does not go with verify: each hash brings its own")
        else:
            why = "goes with verify only: it is for hashes to check"
            event.refuse(("max_cost",), why)

    def _read_pairs(self, pairs: list[Any]) -> None:
        self.hashes = []
        for i, pair in enumerate(pairs):
            if not isinstance(pair, dict) or pair.keys() != {"password", "hash"}:
                raise InvalidEvent(f"verify[{i}] must be an object of a password and a hash")
            self._add_password(pair["password"], f"verify[{i}].password")
            hashed = _text(pair["hash"], f"verify[{i}].hash")
            # Text that isn't UTF-8 isn't a hash either: whatever its bytes, the library refuses it.
            self.hashes.append(None if hashed is None else hashed.encode(errors="surrogatepass"))

    def check_budget(self, seconds: float) -> None:
        """Refuse a request that no machine can finish in so many seconds, unless `partial` is true.

        The sender of an event decides how much work it is, so the sum is checked before the work.

        Raises:
            InvalidEvent: The message has the sum of 2^cost, and the most that is possible.
        """
        wanted = self._iterations()
        budget = int(seconds * self.workers / ITERATION_S)
        if wanted > budget and not self.partial:
            raise InvalidEvent(
                f"the event asks for {wanted} iterations, the sum of 2^cost of its items, but in "
                f"{seconds:.1f} s its {self.workers} workers can't do more than {budget}; send "
                "fewer items or a lower cost, give the function more time or memory, or set "
                "'partial' to true to do as many as possible"
            )

    def _iterations(self) -> int:
        """Return the sum of 2^cost of the items that aren't in error."""
        any_length = self.truncate or self.scheme is not None  # schemes accept long passwords
        fits = [
            isinstance(password, bytes)
            and (any_length or len(password) <= bcrypt_batch.MAX_PASSWORD_BYTES)
            for password in self.passwords
        ]
        if self.hashes is None:
            return sum(fits) << self.cost
        hashes = compress(self.hashes, fits)
        if self.scheme is None:
            return sum(iterations(hashed, self.max_cost) for hashed in hashes)
        from bcrypt_batch.schemes import work  # here, because most events have no scheme

        return sum(work(hashed, self.scheme, self.max_cost) for hashed in hashes)

    def _add_password(self, value: Any, name: str) -> None:
        text = _text(value, name)
        password = None if text is None else _decode(text, self._encoding)
        if text is not None and password is None:
            refusal = bcrypt_batch.ItemError(
                INVALID_PASSWORD,
                f"the password is not valid {self._encoding}, the event's encoding of passwords",
            )
            self.passwords.append(refusal)
        else:
            self.passwords.append(password)

    def _read_parallelism(self, event: Fields, mode: str, workers: int, shared: bool) -> None:
        bound = "all that this function has"
        self.workers = event.integer("workers", 1, workers, workers, bound)
        self.lanes = event.integer("lanes", 1, bcrypt_batch.MAX_LANES, None)
        if mode == "auto":
            alone = self.workers == 1 and len(self.passwords) == 1 and not shared
            mode = "sequential" if alone else "parallel"
        elif mode == "sequential":
            several = [name for name in ("workers", "lanes") if event.get(name, 1) != 1]
            event.refuse(several, "does not go with mode 'sequential', which is one item at a time")
        self.mode = mode
        if mode == "sequential":
            self.workers = self.lanes = 1


def _scheme(event: Fields) -> tuple[str | None, str]:
    """Return the scheme, if the event has one, and the prefix that its readers expect."""
    if "scheme" not in event:
        return None, DEFAULT_PREFIX.decode()
    # Here, because most events have no scheme.
    from bcrypt_batch.schemes import TO_HASH, WITHOUT_PEPPER, prefix_name

    name = event.choice("scheme", WITHOUT_PEPPER if "verify" in event else TO_HASH)
    return name, prefix_name(name)


def _text(value: Any, name: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise InvalidEvent(f"{name} must be a string, not {kind(value)}")


def _decode(text: str, encoding: str) -> bytes | None:
    """Return a text's bytes, or None if it is invalid: an exception would quote the text."""
    try:
        if encoding == "utf-8":
            return text.encode()
        from binascii import a2b_base64  # here, because cold starts and most events don't need it

        return a2b_base64(text, strict_mode=True)
    except ValueError:  # base of binascii.Error and UnicodeEncodeError
        return None
