"""Make invocations for tests, all alike but for what a test names."""

from __future__ import annotations

from typing import Any

from benchmarks.memory.targets.invocation import Invocation

LIKE_ALL = Invocation(
    at="2026-01-01T00:00:00.000+00:00",
    target="emulator",
    architecture="x86_64",
    memory_mb=1536,
    engine="bcrypt_batch",
    claimed=True,
    mode="parallel",
    items=20,
    cost=10,
    cold=False,
    duration_ms=300.5,
    billed_ms=301,
    init_ms=None,
    handler_ms=299.0,
    processed=20,
    unprocessed=0,
    workers=1,
    threads_used=1,
    detected_cpus=2,
    lanes=7,
    kernel="portable",
    memory_used_mb=16.5,
    attempts=1,
    error="",
)


def invocation(**changed: Any) -> Invocation:
    return LIKE_ALL._replace(**changed)
