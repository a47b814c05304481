"""AWS Lambda entry point of the steps behind the state machine.

An event is `{"step": "plan", "run": {...}}`, `{"step": "hash", "output": {...}, "item": {...}}` or
`{"step": "finish", "output": {...}}`. No password and no hash is ever in one, nor in an answer, an
error or the log.
"""

from __future__ import annotations

import json
from typing import Any, Protocol

from bcrypt_batch.tables.lines import Counts

from . import chunk, errors, finish, plan, request

STEPS = ("plan", "hash", "finish")
# Left of a function's time to serialise and write a part: this share, but no more than so long.
MARGIN_SHARE, MARGIN_S = 0.2, 15.0


class Context(Protocol):
    """What is used of the Lambda runtime's context object."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int: ...


def handler(event: Any, context: Context) -> dict[str, Any]:
    """Do one step.

    Raises:
        Exception: One of `errors`, by whose name the state machine retries or fails.
    """
    remaining = context.get_remaining_time_in_millis() / 1000
    seconds = remaining - min(MARGIN_S, MARGIN_SHARE * remaining)
    step = event.get("step") if isinstance(event, dict) else None
    try:
        if step == "plan":
            asked = request.parse(event.get("run"))
            answer = plan.plan(asked, remaining)
            _log(context.aws_request_id, step, rows=answer["rows"], chunks=answer["chunks"])
        elif step == "hash":
            answer = _hash(event, context.aws_request_id, seconds)
        elif step == "finish":
            answer = finish.finish(request.place(event))
            _log(context.aws_request_id, step, rows=answer["rows"], errors=answer["errors"])
        else:
            raise errors.InvalidEvent(f"step must be one of {', '.join(STEPS)}")
    except errors.KNOWN as error:
        _log(context.aws_request_id, step, failed=type(error).__name__)
        raise
    except Exception as error:
        _log(context.aws_request_id, step, failed=type(error).__name__)
        # Not its message, nor what led to it: either may quote what was read.
        raise errors.StepFailed(f"{type(error).__name__} in step {step}") from None
    return answer


def _hash(event: Any, request_id: str, seconds: float) -> dict[str, Any]:
    place, item = request.place(event), chunk.item_of(event)
    left, counts, computed = item, Counts(), False
    if item.rows:
        left, counts, computed = chunk.advance(place, item, seconds)
    _log(
        request_id, "hash",
        chunk=item.chunk, row=item.row, computed=computed, left=left.rows, **counts._asdict(),
    )  # fmt: skip
    return {"output": place._asdict(), "item": left._asdict()}


def _log(request_id: str, step: Any, **fields: Any) -> None:
    """Print one line of JSON: names, numbers and counts only."""
    known = step if step in STEPS else None
    print(json.dumps({"request_id": request_id, "step": known, **fields}), flush=True)
