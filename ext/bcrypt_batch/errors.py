"""The exceptions that this package defines. Wrong arguments are TypeError and ValueError."""

from __future__ import annotations


class BcryptBatchError(Exception):
    """Base of all exceptions that this package defines."""


class CheckerError(BcryptBatchError):
    """A `Checker` has no answer for this call."""


class CheckerClosed(CheckerError, RuntimeError):
    """The checker was closed before or during this call."""


class CheckerFull(CheckerError, RuntimeError):
    """As many calls as `max_waiting` allows are waiting already."""


class CheckerTimeout(CheckerError, TimeoutError):
    """The call was not finished within its `timeout`."""


class CheckerWithoutThreads(CheckerError, RuntimeError):
    """The system refused the checker every thread; the message names the limit."""


class CheckerAway(CheckerError, ConnectionError):
    """A `SharedChecker` found no server, or lost it."""
