"""What a batch returns.

Plain classes: importing dataclasses or typing takes longer than everything else here together,
and every cold start on Lambda would pay for it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Generic, NoReturn, TypeVar

    Value = TypeVar("Value")
else:
    Value = object

    class Generic:
        """The part of typing.Generic that a class statement needs."""

        __slots__ = ()
        __class_getitem__ = classmethod(lambda cls, _: cls)


# The codes of the errors that a batch finds in an item.
ERROR_CODES = (
    "missing_password", "missing_hash", "password_too_long", "invalid_hash", "unsupported_scheme",
    "cost_too_high",
)  # fmt: skip


class ItemError:
    """Why one item has no value.

    Attributes:
        code: `missing_password`, `missing_hash`, `password_too_long`, `invalid_hash`,
            `unsupported_scheme` or `cost_too_high`; or the caller's own code for an item that it
            refused before.
        message: What was wrong and what is allowed; quotes neither the password nor the hash.
    """

    __slots__ = ("code", "message")

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message

    def __repr__(self) -> str:
        return f"ItemError({self.code!r}, {self.message!r})"


class Figures:
    """Figures by name."""

    __slots__: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return all figures by name, as json.dumps takes them."""
        return {name: getattr(self, name) for name in self.__slots__}


class BatchStats(Figures):
    """How a batch was computed; `as_dict()` has all figures.

    Attributes:
        workers: How many threads the batch could use.
        lanes: The most items that one thread computed together; 0 if no item was computed.
        kernel: The compiled variant, as in `kernels()`.
        thread_ids: Ids of the threads that computed items, as `threading.get_native_id` has them.
        threads_used: How many threads computed items.
        elapsed_ns: Wall time of the call, in nanoseconds.
    """

    __slots__ = ("elapsed_ns", "kernel", "lanes", "thread_ids", "threads_used", "workers")

    def __init__(
        self, *, workers: int, lanes: int, kernel: str, thread_ids: list[int], elapsed_ns: int
    ) -> None:
        self.workers = workers
        self.lanes = lanes
        self.kernel = kernel
        self.thread_ids = thread_ids
        self.threads_used = len(thread_ids)
        self.elapsed_ns = elapsed_ns

    def __repr__(self) -> str:
        fields = ("workers", "lanes", "kernel", "threads_used", "elapsed_ns")
        return f"BatchStats({', '.join(f'{name}={getattr(self, name)!r}' for name in fields)})"


class BatchResult(Generic[Value]):
    """The result of each item of a batch.

    A result is neither true nor false: `bool(result)`, and comparing a result with True or False,
    raise ValueError. `all(result.values)` is True if every password matched.

    Attributes:
        values: One entry per item, in the order of the input; None if the item was not computed.
        errors: The error of each item that could not be computed, by index.
        unprocessed: Indices of the items that the deadline or a stop left undone, ascending.
        truncated: Indices of the items computed from a password that `truncate` cut to 72 bytes,
            ascending.
        schemes: The name of each item's scheme, also if the scheme isn't computed; None for an
            invalid or missing hash. Empty unless `verify_many` was called with `scheme`.
        complete: Whether no item is unprocessed.
        stats: How the batch was computed.
    """

    __slots__ = ("errors", "schemes", "stats", "truncated", "unprocessed", "values")

    def __init__(
        self,
        values: list[Value | None],
        errors: dict[int, ItemError],
        unprocessed: list[int],
        truncated: list[int],
        stats: BatchStats,
        schemes: list[str | None] | None = None,
    ) -> None:
        self.values = values
        self.errors = errors
        self.unprocessed = unprocessed
        self.truncated = truncated
        self.stats = stats
        self.schemes = schemes or []

    @property
    def complete(self) -> bool:
        return not self.unprocessed

    def __bool__(self) -> NoReturn:
        raise ValueError(
            "a BatchResult is neither true nor false: all(result.values) says whether each item "
            "was done and matched; a value is None where its item was not done"
        )

    def __eq__(self, other: object) -> bool:
        if isinstance(other, bool):
            bool(self)
        return NotImplemented  # Python then compares by identity

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        # Counts only: hashes do not belong in logs.
        return (
            f"<BatchResult: {len(self.values)} items, {len(self.errors)} errors, "
            f"{len(self.unprocessed)} unprocessed, {len(self.truncated)} truncated>"
        )
