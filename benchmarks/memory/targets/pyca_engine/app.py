"""A handler that hashes with pyca/bcrypt, to compare with the handler of bcrypt_batch.

Events, answers and number of threads are the same, and the threads also start before the first
request. This handler has no deadline: don't send it batches that exceed the function's time.
"""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import bcrypt

from bcrypt_batch import BatchResult, BatchStats, worker_count
from environment import asked_workers
from request import Request
from response import answer, log

if TYPE_CHECKING:
    from invocation import Context

KERNEL = f"pyca/bcrypt {version('bcrypt')}"
WORKERS = asked_workers(os.environ) or worker_count()
POOL = ThreadPoolExecutor(WORKERS)
list(POOL.map(time.sleep, [0.001] * WORKERS))  # a pool starts its threads with its first jobs

_cold = True


def handler(event: Any, context: Context) -> dict[str, Any]:
    """Answer one event as handler/app.py does."""
    global _cold
    cold_start, _cold = _cold, False
    request = Request(event, WORKERS)
    passwords: list[Any] = request.passwords  # no password of the benchmarks is missing
    hashes: list[Any] | None = request.hashes
    threads: set[int] = set()

    def compute(index: int) -> bytes | bool:
        threads.add(threading.get_native_id())
        if hashes is None:
            return bcrypt.hashpw(passwords[index], bcrypt.gensalt(request.cost, request.prefix))
        return bcrypt.checkpw(passwords[index], hashes[index])

    started_ns = time.perf_counter_ns()
    indices = range(len(passwords))
    in_turn = request.mode == "sequential"
    values: list[Any] = list(map(compute, indices) if in_turn else POOL.map(compute, indices))
    elapsed_ns = time.perf_counter_ns() - started_ns
    stats = BatchStats(
        workers=request.workers,
        lanes=1,
        kernel=KERNEL,
        thread_ids=sorted(threads),
        elapsed_ns=elapsed_ns,
    )
    body = answer(request, BatchResult(values, {}, [], [], stats), elapsed_ns, cold_start)
    log(context.aws_request_id, **body)
    return body
