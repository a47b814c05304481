"""The calls of `Checker` and `SharedChecker`: their checks, results and exceptions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal, NoReturn, Self

from . import _native
from .checks import check_bytes, check_range
from .errors import CheckerClosed, CheckerFull, CheckerTimeout, CheckerWithoutThreads
from .frames import forgetful, forgetful_coroutine
from .limits import DEFAULT_COST, MIN_COST
from .pool import shortage
from .single import canonical_setting, check_password, gensalt


class Calls(ABC):
    """The public calls of a checker; subclasses define `_compute` and `_compute_async`."""

    _max_cost: int
    _workers: int
    _even_if_full: bool

    @forgetful
    def check(self, password: bytes, hash: bytes, *, timeout: float | None = None) -> bool:  # noqa: A002
        """Return whether a password has this hash; comparing takes the same time for any hash.

        Args:
            password: At most 72 bytes, as for `checkpw`.
            hash: A hash whose cost is at most `max_cost`.
            timeout: Seconds of wall time for waiting and computing, a year at most.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: The password is too long, the hash malformed or too costly, or `timeout`
                negative or more than a year.
            CheckerFull: Too many calls are waiting.
            CheckerClosed: The checker was closed before or during this call.
            CheckerTimeout: The call was not finished within `timeout`.
            CheckerWithoutThreads: The system refuses even one thread; the message names the limit.
            CheckerAway: No server answers a `SharedChecker` that has `when_away="raise"`.
            MemoryError: There is no memory for the call.
        """
        setting = self._setting_of(password, hash)
        return _native.equal(self._compute(password, setting, timeout), bytes(hash))

    @forgetful
    def hash(
        self, password: bytes, *, cost: int = DEFAULT_COST, timeout: float | None = None
    ) -> bytes:
        """Return a new 60-byte hash of a password, `$2b$`, with a random salt.

        Args:
            password: At most 72 bytes.
            cost: The logarithm of the number of iterations, 4 to `max_cost`.
            timeout: As for `check`.

        Raises as `check` does.
        """
        return self._compute(password, self._new_setting(password, cost), timeout)

    @forgetful
    def dummy_check(
        self, password: bytes, *, cost: int = DEFAULT_COST, timeout: float | None = None
    ) -> Literal[False]:
        """Take as long as `check` does with a hash of this cost, and return False.

        Call it for unknown users: an instant answer would reveal that the user doesn't exist.
        Raises as `check` does.
        """
        self.hash(password, cost=cost, timeout=timeout)
        return False

    @forgetful_coroutine
    async def check_async(
        self,
        password: bytes,
        hash: bytes,  # noqa: A002
        *,
        timeout: float | None = None,
    ) -> bool:
        """As `check`, for asyncio; cancelling the coroutine removes the call from the queue.

        Always await the coroutine: without `await` it is a true value for every password.

        Raises as `check` does, and OSError if the system refuses a file descriptor.
        """
        setting = self._setting_of(password, hash)
        return _native.equal(await self._compute_async(password, setting, timeout), bytes(hash))

    @forgetful_coroutine
    async def hash_async(
        self,
        password: bytes,
        *,
        cost: int = DEFAULT_COST,
        timeout: float | None = None,
    ) -> bytes:
        """As `hash`, for asyncio."""
        return await self._compute_async(password, self._new_setting(password, cost), timeout)

    @forgetful_coroutine
    async def dummy_check_async(
        self,
        password: bytes,
        *,
        cost: int = DEFAULT_COST,
        timeout: float | None = None,
    ) -> Literal[False]:
        """As `dummy_check`, for asyncio."""
        await self.hash_async(password, cost=cost, timeout=timeout)
        return False

    @forgetful
    def hash_under(self, password: bytes, salt: bytes, *, timeout: float | None = None) -> bytes:
        """Return the hash of a password under a setting or an earlier hash, as `hashpw` does.

        For frameworks that make salts themselves. Raises as `check` does.
        """
        return self._compute(password, self._setting_of(password, salt), timeout)

    def _setting_of(self, password: bytes, hashed: bytes) -> bytes:
        """Check arguments; return the 29-byte setting of a hash."""
        check_password(password)
        check_bytes("hash", hashed)
        setting = canonical_setting(hashed)
        if (cost := int(setting[4:6])) > self._max_cost:
            raise ValueError(f"the hash has cost {cost}; at most {self._max_cost} is allowed")
        return setting

    def _new_setting(self, password: bytes, cost: int) -> bytes:
        check_password(password)
        return gensalt(check_range("cost", cost, MIN_COST, self._max_cost))

    def _waiting(self) -> str:
        """Return why the checker is full, for a message."""
        return "too many calls are waiting"

    @abstractmethod
    def _compute(self, password: bytes, setting: bytes, timeout: float | None) -> bytes:
        """Return the hash of a password under a 29-byte setting."""

    @abstractmethod
    async def _compute_async(self, password: bytes, setting: bytes, timeout: float | None) -> bytes:
        """As `_compute`, for asyncio."""

    @abstractmethod
    def close(self, *, wait: bool = True) -> None:
        """Accept no more calls."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"a {type(self).__name__} can't be copied or sent to another process: make one in each "
            "process, where a module is imported for instance"
        )

    def _check_when_full(self, when_full: Literal["raise", "wait"]) -> None:
        if when_full not in ("raise", "wait"):
            raise ValueError(f"when_full must be 'raise' or 'wait', not {when_full!r}")
        self._even_if_full = when_full == "wait"

    def _hash_or_raise(self, answer: bytes | str) -> bytes:
        if isinstance(answer, bytes):
            return answer
        if answer == _native.FULL:
            raise CheckerFull(f"the checker is full: {self._waiting()}")
        if answer == _native.TIMEOUT:
            raise CheckerTimeout("the call was not finished within its timeout")
        if answer == _native.WITHOUT_THREADS:  # only in a child that was forked during the call
            raise CheckerWithoutThreads(shortage(self._workers, 0))
        raise CheckerClosed("the checker is closed")
