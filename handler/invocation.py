"""One invocation: what Lambda says of it, and for how long it may compute."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Context(Protocol):
        """What is used of the Lambda runtime's context object."""

        aws_request_id: str

        def get_remaining_time_in_millis(self) -> int: ...


def seconds_left(context: Context, margin_s: float = 0.0, share: float = 1.0) -> float:
    """Return for how many seconds an invocation may go on.

    Args:
        context: The runtime's context object.
        margin_s: How much of the time stays for what comes after the computation.
        share: The margin is at most this share of the time.
    """
    seconds = context.get_remaining_time_in_millis() / 1000
    return max(0.0, seconds - min(margin_s, share * seconds))
