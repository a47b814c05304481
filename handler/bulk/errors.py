"""Errors, whose names decide whether the state machine retries or fails.

Everyone who may read executions can read the messages: they quote nothing of a table or an event.
"""

from bcrypt_batch.tables.kinds import InvalidTable
from fields import InvalidEvent


class RunError(Exception):
    """The base of the errors below."""


class RunMismatch(RunError):
    """The output's prefix belongs to a run with another input or other options."""


class InputReplaced(RunError):
    """The input was replaced after it was planned."""


class Incomplete(RunError):
    """Rows are missing; starting again with the same prefix computes them."""


class NoProgress(RunError):
    """One invocation's time was not enough for a single row: a busy machine, or too high a cost."""


class StoreDenied(RunError):
    """S3 refused a request that the role or the bucket's policy does not allow."""


class StoreFailed(RunError):
    """S3 could not be reached, or gave an unexpected answer; a retry may help."""


class StepFailed(RunError):
    """A part doesn't fit its plan, or the code has a fault.

    Messages of other exceptions stay out of the history, because they may quote a row.
    """


KNOWN = (InvalidEvent, InvalidTable, RunError)
