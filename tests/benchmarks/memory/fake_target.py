"""A target that answers at once, right unless told otherwise."""

from __future__ import annotations

from typing import Any

from benchmarks.memory.figures import costs
from benchmarks.memory.targets.interface import Target
from benchmarks.memory.targets.invocation import Configuration, Reply
from emulator import sizes
from tests.benchmarks.memory.invocations import invocation

MS_PER_ITEM = {"sequential": 50.0, "parallel": 10.0}


class FakeTarget(Target):
    """One hash takes 50 ms in sequential mode and 10 ms in parallel mode, of any cost.

    Attributes:
        events: What was sent.
        answer: What to say instead of what is right.
        row: What to record instead.
        fails: How many invocations from now on fail.
    """

    name = "fake"

    def __init__(self, configurations: list[Configuration], timeout_s: int = 60) -> None:
        super().__init__(configurations)
        self._timeout_s = timeout_s
        self._cold = set(configurations)
        self.events: list[tuple[Configuration, dict[str, Any]]] = []
        self.answer: dict[str, Any] = {}
        self.row: dict[str, Any] = {}
        self.fails = 0

    def __exit__(self, *_: object) -> None:
        pass

    def make_cold(self, configuration: Configuration) -> None:
        self._cold.add(configuration)

    def timeout_s(self, configuration: Configuration) -> int:
        return self._timeout_s

    def expected_workers(self, configuration: Configuration) -> int:
        return sizes.workers(configuration.memory_mb)

    def invoke(self, configuration: Configuration, event: dict[str, Any]) -> Reply:
        self.events.append((configuration, event))
        if self.fails:
            self.fails -= 1
            failed = invocation(mode=event["mode"], error="it broke", duration_ms=None)
            return Reply(failed._replace(**configuration._asdict()), {})
        cold = configuration in self._cold
        self._cold.discard(configuration)
        mode = event["mode"] if event["mode"] in MS_PER_ITEM else "parallel"
        items = event.get("count", 0)
        duration_ms = items * MS_PER_ITEM[mode]
        workers = 1 if mode == "sequential" else self.expected_workers(configuration)
        row = invocation(
            **configuration._asdict(),
            mode=mode,
            items=items,
            cost=event.get("cost", 0),
            processed=items,
            cold=cold,
            init_ms=40.0 if cold else None,
            duration_ms=duration_ms,
            billed_ms=costs.billed_ms(duration_ms, 40.0 if cold else 0.0),
            workers=workers,
            threads_used=workers,
        )
        hashes = [f"$2b${event.get('cost', 10):02d}${i:053d}" for i in range(items)]
        answer = {"hashes": hashes, "matches": [True, True, False]}
        return Reply(row._replace(**self.row), {**answer, **self.answer})

    def _send(self, configuration: Configuration, payload: bytes) -> Any:
        raise AssertionError("nothing is sent")

    def _figures(self, *_: Any) -> Any:
        raise AssertionError("nothing is reported")
