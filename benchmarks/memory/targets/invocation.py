"""A configuration to measure, and the record of one invocation: a row of samples.csv."""

from __future__ import annotations

from typing import Any, NamedTuple

MODES = ("parallel", "sequential")


class Configuration(NamedTuple):
    """One function: an architecture, a memory size, and the engine that hashes there."""

    architecture: str
    memory_mb: int
    engine: str = "bcrypt_batch"

    def __str__(self) -> str:
        return f"{self.architecture} {self.memory_mb} MB {self.engine}"


class Invocation(NamedTuple):
    """One invocation.

    Attributes:
        at: When the invocation ended, UTC.
        claimed: Whether the figures count: this machine has the CPUs that the size asks for.
        cold: Whether the invocation started a new execution environment.
        duration_ms: Time of the request, as the platform reports it, without INIT.
        billed_ms: The billed time: with INIT, rounded up.
        init_ms: Time of INIT, the start of the environment; None for a warm invocation.
        handler_ms: The batch's time as the handler reports it.
        processed: Items done.
        unprocessed: Items that the deadline left undone.
        memory_used_mb: The peak, as the platform reports it; in the emulator the resident set.
        attempts: How often the event was sent: again if it was throttled or got no answer.
        error: The reason for a bad or missing answer; empty for a good one.
    """

    at: str
    target: str
    architecture: str
    memory_mb: int
    engine: str
    claimed: bool
    mode: str
    items: int
    cost: int
    cold: bool
    duration_ms: float | None
    billed_ms: int | None
    init_ms: float | None
    handler_ms: float | None
    processed: int
    unprocessed: int
    workers: int | None
    threads_used: int | None
    detected_cpus: int | None
    lanes: int | None
    kernel: str
    memory_used_mb: float | None
    attempts: int
    error: str

    @property
    def good(self) -> bool:
        """Whether all items were done."""
        return not self.error and not self.unprocessed

    @property
    def configuration(self) -> Configuration:
        return Configuration(self.architecture, self.memory_mb, self.engine)


class Reply(NamedTuple):
    """An invocation, and the function's answer in full."""

    invocation: Invocation
    answer: dict[str, Any]
