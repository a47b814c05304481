"""Invoke functions, on AWS or in the emulator."""

from __future__ import annotations

import json
from abc import abstractmethod
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from botocore import exceptions

from benchmarks.memory.targets import clients
from benchmarks.memory.targets.invocation import Configuration, Invocation, Reply
from emulator.function import NO_ANSWER

MOST_ERROR_CHARACTERS = 300

# Errors that the caller can't correct, botocore's after its last attempt: no complete answer came,
# or AWS failed each time.
FAILURES = (exceptions.ClientError, exceptions.HTTPClientError, *NO_ANSWER)


class Figures(NamedTuple):
    """The platform's figures of an invocation; None for figures that it doesn't report."""

    duration_ms: float | None = None
    billed_ms: int | None = None
    init_ms: float | None = None
    memory_used_mb: float | None = None


class Target(AbstractContextManager["Target"]):
    """A place where functions run, as a context manager that undoes its changes to the place.

    Attributes:
        name: `lambda` or `emulator`.
        configurations: The functions to invoke, in the order of their turns.
    """

    name: str

    def __init__(self, configurations: list[Configuration]) -> None:
        self.configurations = configurations
        self._sent = 0

    @abstractmethod
    def make_cold(self, configuration: Configuration) -> None:
        """Make the next invocation start a new execution environment."""

    @abstractmethod
    def timeout_s(self, configuration: Configuration) -> int:
        """Return the function's timeout in seconds."""

    @abstractmethod
    def expected_workers(self, configuration: Configuration) -> int:
        """Return how many workers the handler should choose."""

    def claimed(self, configuration: Configuration) -> bool:
        """Return whether figures measured here are valid for the memory size."""
        return True

    @abstractmethod
    def _send(self, configuration: Configuration, payload: bytes) -> Any:
        """Return a response as boto3 gives it; call `_count` for each request, also repeated."""

    @abstractmethod
    def _figures(
        self, configuration: Configuration, response: Any, answer: dict[str, Any]
    ) -> Figures:
        """Return the platform's report of the invocation that has just ended."""

    def invoke(self, configuration: Configuration, event: dict[str, Any]) -> Reply:
        """Send an event, and return the answer and its record.

        Raises:
            Problem: The invocation failed by a fault that the caller can correct.
        """
        before = self._sent
        response: Any = None
        error = ""
        try:
            with clients.explained(unless_overloaded=True):
                response = self._send(configuration, json.dumps(event).encode())
        except FAILURES as failure:
            error = str(failure)
        answer: dict[str, Any] = {}
        figures = Figures()
        if response is not None:
            answer, error = _answer(response)
            figures = self._figures(configuration, response, answer)
        attempts = self._sent - before
        return Reply(self._record(configuration, event, answer, figures, attempts, error), answer)

    def _count(self, **_: Any) -> None:
        self._sent += 1

    def _record(
        self,
        configuration: Configuration,
        event: dict[str, Any],
        answer: dict[str, Any],
        figures: Figures,
        attempts: int,
        error: str,
    ) -> Invocation:
        items = event.get("count", len(event.get("verify", ())))
        if not error and answer.get("errors"):
            error = f"{len(answer['errors'])} of {items} items failed"
        if not error and figures.duration_ms is None:
            error = "no REPORT line in the log"
        return Invocation(
            at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            target=self.name,
            **configuration._asdict(),
            claimed=self.claimed(configuration),
            mode=answer.get("mode", event.get("mode", "auto")),
            items=items,
            cost=event.get("cost", 0),
            cold=bool(answer.get("cold_start", figures.init_ms is not None)),
            **figures._asdict(),
            handler_ms=answer.get("duration_ms"),
            processed=answer.get("processed", 0),
            unprocessed=len(answer.get("unprocessed", ())),
            workers=answer.get("workers"),
            threads_used=answer.get("threads_used"),
            detected_cpus=answer.get("detected_cpus"),
            lanes=answer.get("lanes"),
            kernel=answer.get("kernel", ""),
            attempts=attempts,
            error=" ".join(error.split())[:MOST_ERROR_CHARACTERS],
        )


def _answer(response: Any) -> tuple[dict[str, Any], str]:
    """Return the function's answer and its error, which is empty if all went well."""
    content: bytes = response["Payload"].read()
    try:
        answer = json.loads(content)
    except ValueError:  # the emulator's message of a timeout
        return {}, content.decode(errors="replace") or "an empty answer"
    if not isinstance(answer, dict):
        return {}, f"the answer isn't a JSON object: {content[:80]!r}"
    if "FunctionError" in response or "errorType" in answer:
        message = answer.get("errorMessage", "no message")
        return {}, f"{answer.get('errorType', response.get('FunctionError'))}: {message}"
    return answer, ""
