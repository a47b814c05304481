"""AWS Lambda entry point of the steps behind the state machine.

An event is `{"step": "plan", "run": {...}}`, `{"step": "chunk", "output": {...}, "item": {...}}` or
`{"step": "finish", "output": {...}}`. No event, answer, error or log line has a password or a hash.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bcrypt_batch.tables.results import Counts
from fields import Fields
from invocation import forget_locals, seconds_left

from . import chunk, errors, finish, plan, start

if TYPE_CHECKING:
    from invocation import Context

STEPS = ("plan", "chunk", "finish")
FIELDS = ("step", "run", "output", "item")
# Time to serialise and write a part: a share of the function's time, but at most MARGIN_S seconds.
MARGIN_SHARE, MARGIN_S = 0.2, 15.0


def handler(event: Any, context: Context) -> dict[str, Any]:
    """Do one step.

    Raises:
        Exception: One of `errors`; its name decides whether the state machine retries or fails.
    """
    try:
        return _do(event, context)
    except BaseException as error:
        del event
        forget_locals(error)
        raise


def _do(event: Any, context: Context) -> dict[str, Any]:
    step = None
    try:
        fields = Fields(event, FIELDS)
        step = fields.choice("step", STEPS)
        if step == "plan":
            asked = start.parse(fields.get("run"))
            answer = plan.plan(asked, seconds_left(context))
            _log(context.aws_request_id, step, rows=answer["rows"], chunks=answer["chunks"])
        elif step == "chunk":
            answer = _chunk(fields, context)
        else:
            answer = finish.finish(start.place(fields))
            _log(context.aws_request_id, step, rows=answer["rows"], errors=answer["errors"])
    except Exception as error:
        _log(context.aws_request_id, step, failed=type(error).__name__)
        if isinstance(error, errors.KNOWN):
            raise
        # Without the message and the cause: both may quote the input.
        raise errors.StepFailed(f"{type(error).__name__} in step {step}") from None
    return answer


def _chunk(fields: Fields, context: Context) -> dict[str, Any]:
    seconds = seconds_left(context, MARGIN_S, MARGIN_SHARE)
    place, left = start.place(fields), chunk.chunk_of(fields)
    row, counts, computed = left.row, Counts(), False
    if left.rows:
        left, counts, computed = chunk.advance(place, left, seconds)
    _log(
        context.aws_request_id, "chunk",
        chunk=left.chunk, row=row, computed=computed, left=left.rows, **counts._asdict(),
    )  # fmt: skip
    return {"output": place._asdict(), "item": left._asdict()}


def _log(request_id: str, step: str | None, **fields: Any) -> None:
    """Print one line of JSON: names, numbers and counts only."""
    print(json.dumps({"request_id": request_id, "step": step, **fields}), flush=True)
