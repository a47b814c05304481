"""The exceptions that this package defines. Wrong arguments raise TypeError or ValueError."""

from __future__ import annotations


class BcryptBatchError(Exception):
    """Base of all exceptions that this package defines."""


class CheckerError(BcryptBatchError):
    """Base of the exceptions of a checker that has no result for a call."""


class CheckerClosed(CheckerError, RuntimeError):
    """The checker was closed before or during this call."""


class CheckerFull(CheckerError, RuntimeError):
    """`max_waiting` calls are waiting already."""


class CheckerTimeout(CheckerError, TimeoutError):
    """The call was not finished within its `timeout`."""


class CheckerWithoutThreads(CheckerError, RuntimeError):
    """The system refused to start even one thread; the message names the limit."""


class CheckerAway(CheckerError, ConnectionError):
    """A `SharedChecker` found no server, lost its connection, or was refused by the server."""
