"""Lambda entry point, `app.handler`: read the event, run the batch, answer, log one line.

docs/lambda.md describes the event and the answer.
"""

from __future__ import annotations

import os
import time

import bcrypt_batch
from bcrypt_batch.batch import hash_or_verify
from envelope import Envelope, method
from environment import asked_workers, processes
from fields import InvalidEvent
from invocation import forget_locals, seconds_left
from request import Request
from response import answer, health, log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from invocation import Context
    from sharing import Sharing

# The batch ends this long before the function's time, which leaves time to gather up to 1000
# results, to serialise them, and to wait for the end of a 100 ms period whose CPU quota is used up.
MARGIN_S = 0.3

# At import, not in the first request: an invalid WORKER_COUNT fails the cold start with its
# message, and the threads exist before a request needs them.
SHARING: Sharing | None = None
if processes(os.environ) > 1:
    from sharing import Sharing

    SHARING = Sharing(os.environ)
    WORKERS = SHARING.workers
else:
    WORKERS = bcrypt_batch.start_workers(asked_workers(os.environ))

_cold = True


def handler(event: Any, context: Context) -> dict[str, Any]:
    """Answer one event.

    Returns:
        The answer; as an HTTP response if the event came through a Function URL, API Gateway or
        a load balancer. A GET or HEAD is answered without work.

    Raises:
        InvalidEvent: The function was invoked directly with an invalid event. Over HTTP the
            answer has status 400 instead.
    """
    try:
        return _respond(event, context)
    except BaseException as error:
        del event
        forget_locals(error)
        raise


def _respond(event: Any, context: Context) -> dict[str, Any]:
    global _cold
    cold_start, _cold = _cold, False
    envelope = Envelope(event) if method(event) else None
    if envelope and envelope.asks_for_health:
        return envelope.answer(health(WORKERS))
    try:
        request = Request(envelope.body() if envelope else event, WORKERS, SHARING is not None)
        deadline_s = time_allowed(request, context, envelope)
        request.check_budget(deadline_s)
    except InvalidEvent as error:
        log(context.aws_request_id, error=str(error))
        if envelope:
            return envelope.refusal(error)
        raise
    started_ns = time.perf_counter_ns()
    result = run(request, deadline_s)
    body = answer(request, result, time.perf_counter_ns() - started_ns, cold_start)
    log(context.aws_request_id, **body)
    return envelope.answer(body) if envelope else body


def time_allowed(request: Request, context: Context, envelope: Envelope | None) -> float:
    """Return the seconds until the first deadline: the function's, the event's or the client's."""
    allowed_s = [seconds_left(context, MARGIN_S)]
    if request.deadline_ms is not None:
        allowed_s.append(request.deadline_ms / 1000)
    if envelope and envelope.patience_s is not None:
        allowed_s.append(envelope.patience_s)
    return min(allowed_s)


def run(request: Request, deadline_s: float) -> bcrypt_batch.BatchResult[Any]:
    """Compute a request within a number of seconds."""
    options: dict[str, Any] = {
        "cost": request.cost,
        "prefix": request.prefix,
        "max_cost": request.max_cost,
        "truncate": request.truncate,
        "deadline": deadline_s,
    }
    if SHARING is not None and SHARING.takes(request):
        return SHARING.hash_or_verify(request.passwords, request.hashes, **options)
    return hash_or_verify(
        request.passwords,
        request.hashes,
        scheme=request.scheme,
        workers=request.workers,
        lanes=request.lanes,
        **options,
    )
