"""Turn a result into an answer, and into one line of log."""

from __future__ import annotations

import json
import os

from bcrypt_batch import kernels
from bcrypt_batch.system import usable_cpus

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from bcrypt_batch import BatchResult
    from request import Request

NS_PER_MS = 1_000_000

# The fields of an answer that may be logged: never passwords, hashes or matches.
LOGGED = (
    "mode", "processed", "duration_ms", "cost", "workers", "lanes", "kernel", "threads_used",
    "memory_used_kb", "cold_start", "complete", "error",
)  # fmt: skip


def answer(
    request: Request, result: BatchResult[Any], duration_ns: int, cold_start: bool
) -> dict[str, Any]:
    """Return the answer to a request."""
    stats = result.stats
    processed = len(request.passwords) - len(result.errors) - len(result.unprocessed)
    duration_ms = duration_ns / NS_PER_MS
    body: dict[str, Any] = {
        "mode": request.mode,
        "processed": processed,
        "duration_ms": round(duration_ms, 3),
        "avg_ms_per_item": round(duration_ms / processed, 3) if processed else None,
        "cost": request.cost if request.hashes is None else None,
        "workers": stats.workers,
        "detected_cpus": len(usable_cpus()),
        "threads_used": stats.threads_used,
        "thread_ids": stats.thread_ids,
        "lanes": stats.lanes,
        "kernel": stats.kernel,
        "memory_used_kb": resident_kb(),
        "cold_start": cold_start,
        "complete": result.complete,
    }
    if request.hashes is None:
        body["hashes"] = [value and value.decode() for value in result.values]
    else:
        body["matches"] = result.values
    if result.schemes:
        body["schemes"] = result.schemes
    if result.errors:
        body["errors"] = [
            {"index": i, "code": error.code, "message": error.message}
            for i, error in sorted(result.errors.items())
        ]
    if result.unprocessed:
        body["unprocessed"] = result.unprocessed
    if result.truncated:
        body["truncated"] = result.truncated
    return body


def health(workers: int) -> dict[str, Any]:
    """Return the answer to a health check: the kernel and the workers that compute batches."""
    return {"kernel": kernels().chosen, "workers": workers}


def resident_kb() -> int:
    """Return this process's resident set, in KB of 1024 bytes."""
    with open("/proc/self/statm", encoding="utf-8") as file:
        pages = int(file.read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def log(request_id: str, **fields: Any) -> None:
    """Print one line of JSON about a request, with nothing secret in it."""
    line = {"request_id": request_id, **{key: fields[key] for key in LOGGED if key in fields}}
    for name in ("errors", "unprocessed", "truncated"):
        if name in fields:
            line[name] = len(fields[name])
    print(json.dumps(line), flush=True)
