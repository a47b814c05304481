"""One invocation: Lambda's context object, how long it may compute, and what its errors keep."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Context(Protocol):
        """The parts of the Lambda runtime's context object that the handlers use."""

        aws_request_id: str

        def get_remaining_time_in_millis(self) -> int: ...


def seconds_left(context: Context, margin_s: float = 0.0, share: float = 1.0) -> float:
    """Return for how many seconds an invocation may compute.

    Args:
        context: The runtime's context object.
        margin_s: Seconds to keep for the work after the computation.
        share: The margin is at most this share of the remaining time.
    """
    seconds = context.get_remaining_time_in_millis() / 1000
    return max(0.0, seconds - min(margin_s, share * seconds))


def forget_locals(error: BaseException | None) -> None:
    """Clear the frames that an exception and the exceptions before it have passed through.

    Error reporters send local variables, and ours are passwords and hashes. The frame of a running
    function can't be cleared: the function must delete its variables.
    """
    from traceback import clear_frames  # here, to keep it out of cold starts

    while error is not None:
        clear_frames(error.__traceback__)
        error = error.__context__
