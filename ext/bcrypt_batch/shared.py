"""Check and hash single passwords, together with all other processes of a machine."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from typing import Literal

from . import _native, protocol
from .calls import Calls
from .checker import Checker, CheckerStats
from .checks import check_bool, check_list, check_range, check_same_length, check_seconds
from .client import PAUSE_S, STARTING_S, Client, Late
from .errors import CheckerAway, CheckerTimeout
from .frames import forgetful
from .limits import DEFAULT_MAX_COST, MAX_COST, MIN_COST
from .listening import check_path, check_system


class SharedCheckerStats(CheckerStats):
    """The counts of a server, which all its clients share; `as_dict()` has all of them.

    The figures of `CheckerStats` are 0 if no server answers. A call that its client gave up, for
    whatever reason, counts as cancelled; `timed_out` is always 0.

    Attributes:
        served: Whether a server answers.
        computed_here: Calls that this checker computed in this process since it was made, because
            no server answered.
    """

    __slots__ = ("computed_here", "served")

    def __init__(self, figures: dict[str, int], computed_here: int) -> None:
        super().__init__({name: figures.get(name, 0) for name in protocol.FIGURES})
        self.served = bool(figures)
        self.computed_here = computed_here

    def as_dict(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in (*CheckerStats.__slots__, *self.__slots__)}


class SharedChecker(Calls):
    """Checks and hashes single passwords of many processes, which one server computes together.

    The server is `bcrypt-batch serve`, at a Unix socket. Calls of all processes share the server's
    lanes, as the calls of all threads share the lanes of a `Checker`. Results and exceptions are
    those of a `Checker`, plus CheckerAway. Any number of threads, event loops and greenlets may use
    a SharedChecker, and so may children after fork. No connection stays open between calls.

    A password goes only to a server of this process's own user or of root. macOS has no servers: a
    call there behaves as if no server answered.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        start: bool = False,
        when_away: Literal["compute", "raise"] = "compute",
        when_full: Literal["raise", "wait"] = "raise",
        max_cost: int = DEFAULT_MAX_COST,
    ) -> None:
        """Make a checker; it connects at each call.

        Args:
            path: Path of the server's socket, at most 107 bytes.
            start: Start a server if no server is running; all processes use the same one. The
                server ends after a minute without a call. Linux only.
            when_away: What happens to a call that finds no server or loses its connection:
                "compute" computes it in this process, with a `Checker` of one worker; "raise"
                raises CheckerAway.
            when_full: What happens to a call if too many calls wait already: "raise" raises
                CheckerFull, "wait" lets the call wait until its timeout.
            max_cost: A hash of a higher cost is a ValueError; the server may allow less.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range, or the path too long.
            OSError: `start` is True, and this is not Linux.
        """
        self._path = os.fspath(path)
        if not isinstance(self._path, str):
            raise TypeError(f"path must be a str, not {type(self._path).__name__}")
        check_path(self._path)
        if when_away not in ("compute", "raise"):
            raise ValueError(f"when_away must be 'compute' or 'raise', not {when_away!r}")
        self._compute_here = when_away == "compute"
        self._check_when_full(when_full)
        self._max_cost = check_range("max_cost", max_cost, MIN_COST, MAX_COST)
        if check_bool("start", start):
            check_system()
        self._client = Client(self._path, start=start)
        self._workers = 1
        self._own = Checker(workers=1, max_cost=self._max_cost, when_full=when_full)
        self._computed_here = 0

    @forgetful
    def hash_all_under(
        self, passwords: Sequence[bytes], salts: Sequence[bytes], *, timeout: float | None = None
    ) -> list[bytes | None]:
        """Return the hash of each password under its salt, as `hash_under` does, in one request.

        The items share lanes with all other calls. Even if too many calls wait, no item is refused.
        An item that was not finished within `timeout` is None. Otherwise raises as `check` does.
        """
        passwords, salts = check_list("passwords", passwords), check_list("salts", salts)
        check_same_length(passwords, "salts", salts)
        items = [(p, self._setting_of(p, s)) for p, s in zip(passwords, salts, strict=True)]
        request = protocol.Request(items, even_if_full=True)
        self._have(request, timeout)
        return [
            None if v in (None, _native.TIMEOUT) else self._hash_or_raise(v) for v in request.values
        ]

    def stats(self) -> SharedCheckerStats:
        """Ask the server for its counts; never starts a server."""
        return SharedCheckerStats(self._client.figures(STARTING_S), self._computed_here)

    def close(self, *, wait: bool = True) -> None:
        """Accept no more calls in this process; the server continues. May be called repeatedly.

        Args:
            wait: Finish the accepted calls. Otherwise they raise CheckerClosed.
        """
        check_bool("wait", wait)
        self._client.closed = True
        if not wait:
            self._client.cut()
            self._own.close(wait=False)
        while not self._client.is_idle:
            time.sleep(PAUSE_S)
            if not wait:
                self._client.cut()
        self._own.close(wait=wait)

    def __repr__(self) -> str:
        return f"<SharedChecker: {self._path}>"

    def _hash_or_raise(self, answer: bytes | str) -> bytes:
        if answer == protocol.COSTLY:
            raise ValueError("the cost is higher than the server allows (its --max-cost)")
        return super()._hash_or_raise(answer)

    def _have(self, request: protocol.Request, timeout: float | None) -> None:
        """Get the outcomes of the items that are finished in time, or raise."""
        deadline_ns = _deadline(timeout)
        self._client.begin(request)
        try:
            away = self._ask(request, deadline_ns)
            if away is not None:
                self._finish(request, deadline_ns, away)
        finally:
            self._client.end(request)

    def _ask(self, request: protocol.Request, deadline_ns: int | None) -> str | None:
        """Ask the server; return why it was away, or None if it answered.

        A text, because an exception and the frames of the call would refer to each other.
        """
        try:
            self._client.ask(request, deadline_ns)
        except Late:
            pass
        except CheckerAway as away:
            return str(away)
        return None

    def _finish(self, request: protocol.Request, deadline_ns: int | None, away: str) -> None:
        """Compute the items that the server did not compute, or raise CheckerAway."""
        if not self._compute_here:
            raise CheckerAway(away)
        for place in request.left():
            self._computed_here += 1
            try:
                request.values[place] = self._own._compute(
                    *request.items[place], _seconds_until(deadline_ns)
                )
            except CheckerTimeout:
                break

    def _compute(self, password: bytes, setting: bytes, timeout: float | None) -> bytes:
        request = protocol.Request([(bytes(password), setting)], even_if_full=self._even_if_full)
        self._have(request, timeout)
        return self._hash_or_raise(request.values[0] or _native.TIMEOUT)

    async def _compute_async(self, password: bytes, setting: bytes, timeout: float | None) -> bytes:
        request = protocol.Request([(bytes(password), setting)], even_if_full=self._even_if_full)
        deadline_ns = _deadline(timeout)
        self._client.begin(request)
        try:
            away = await self._ask_async(request, deadline_ns)
            if away is None:
                return self._hash_or_raise(request.values[0] or _native.TIMEOUT)
            if not self._compute_here:
                raise CheckerAway(away)
            self._computed_here += 1
            return await self._own._compute_async(password, setting, _seconds_until(deadline_ns))
        finally:
            self._client.end(request)

    async def _ask_async(self, request: protocol.Request, deadline_ns: int | None) -> str | None:
        """As `_ask`, for asyncio."""
        try:
            async with asyncio.timeout(_seconds_until(deadline_ns)):
                await self._client.ask_async(request)
        except TimeoutError:
            pass
        except CheckerAway as away:
            return str(away)
        return None


def _deadline(timeout: float | None) -> int | None:
    """Return when a timeout ends, on the clock of time.monotonic_ns."""
    return None if timeout is None else time.monotonic_ns() + check_seconds("timeout", timeout)


def _seconds_until(deadline_ns: int | None) -> float | None:
    return None if deadline_ns is None else max(0.0, (deadline_ns - time.monotonic_ns()) / 1e9)
