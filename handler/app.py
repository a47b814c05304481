"""Lambda entry point, `app.handler`: read the event, run the batch, answer, log one line."""

from __future__ import annotations

import os
import time

import bcrypt_batch
from environment import asked_workers
from request import InvalidEvent, parse
from response import answer, http_answer, http_refusal, log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from request import Request

    class Context(Protocol):
        """What is used of the Lambda runtime's context object."""

        aws_request_id: str

        def get_remaining_time_in_millis(self) -> int: ...


# What must remain of the function's time when the kernel stops: to gather up to 1000 results,
# serialise them, and sit out a 100 ms period in which the CPU quota is used up.
MARGIN_S = 0.3

# Here, and not in the first request: a WORKER_COUNT that is no number fails the cold start with
# its message, and the threads exist before anyone waits for them.
WORKERS = bcrypt_batch.start_workers(asked_workers(os.environ))

_cold = True


def handler(event: Any, context: Context) -> dict[str, Any]:
    """Answer one event; see the README for its fields.

    Returns:
        The answer; as an HTTP response where the event came through a Function URL or API Gateway.

    Raises:
        InvalidEvent: The event was invoked directly and can't be carried out. Over HTTP it is
            answered with status 400.
    """
    global _cold
    cold_start, _cold = _cold, False
    over_http = isinstance(event, dict) and "requestContext" in event
    try:
        request = parse(event, over_http, WORKERS)
    except InvalidEvent as error:
        log(context.aws_request_id, error=str(error))
        if over_http:
            return http_refusal(error)
        raise
    started_ns = time.perf_counter_ns()
    result = run(request, context.get_remaining_time_in_millis() / 1000)
    body = answer(request, result, time.perf_counter_ns() - started_ns, cold_start)
    log(context.aws_request_id, **body)
    return http_answer(body) if over_http else body


def run(request: Request, remaining_s: float) -> bcrypt_batch.BatchResult[Any]:
    """Carry out a request within the time that the function has left."""
    deadline = max(0.0, remaining_s - MARGIN_S)
    if request.hashes is None:
        return bcrypt_batch.hash_many(
            request.passwords,
            cost=request.cost,
            prefix=request.prefix,
            workers=request.workers,
            lanes=request.lanes,
            deadline=deadline,
        )
    return bcrypt_batch.verify_many(
        request.passwords,
        request.hashes,
        workers=request.workers,
        lanes=request.lanes,
        deadline=deadline,
    )
