"""Thousands of events, good and bad, through one function: its resources don't grow."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from emulator.function import Emulator
from tests.invoked import over_http

REQUESTS = int(os.environ.get("REQUESTS", "600"))  # `make fuzz` sends 10,000
LOOKS = 20
# Heaps grow and shrink. So large blocks return to the system at once here, and minima are compared.
# A leak of four kilobytes in each of 600 requests would show.
GROWTH_KB = 512
SECRET = "hunter2-very-secret"


class Held(NamedTuple):
    """The resources that a process holds."""

    memory_kb: int
    threads: int
    descriptors: int

    @classmethod
    def by(cls, process: int) -> Held:
        folder = Path(f"/proc/{process}")
        status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
        return cls(
            int(status["VmRSS"].split()[0]),
            int(status["Threads"]),
            len([*(folder / "fd").iterdir()]),
        )


def handler_of(emulator: Emulator) -> int:
    """Return the process that runs the handler, the emulator's only child."""
    parent = emulator.process_id
    children = [*Path(f"/proc/{parent}/task").glob("*/children")]
    (child,) = {int(word) for file in children for word in file.read_text().split()}
    return child


def mixed(source: random.Random, hashes: list[str]) -> tuple[str, Any]:
    """Return an event and its expected result: "done", "refused" or "items refused"."""
    passwords = [f"{SECRET}{source.random()}" for _ in range(source.choice([1, 1, 2, 5, 20]))]
    mode = source.choice(["parallel", "sequential", "auto"])
    pairs = [{"password": one, "hash": source.choice(hashes)} for one in passwords]
    makers: list[Callable[[], tuple[str, Any]]] = [
        lambda: ("done", {"mode": mode, "passwords": passwords, "cost": 4}),
        lambda: ("done", {"mode": mode, "count": len(passwords), "cost": 4}),
        lambda: ("done", {"mode": mode, "verify": pairs}),
        lambda: ("done", over_http(json.dumps({"mode": mode, "passwords": passwords, "cost": 4}))),
        lambda: ("done", {"passwords": passwords, "cost": 14, "deadline_ms": 1, "partial": True}),
        lambda: ("items refused", {"passwords": [*passwords, "x" * 73, None], "cost": 4}),
        lambda: ("items refused", {"verify": [*pairs, {"password": SECRET, "hash": SECRET}]}),
        lambda: ("refused", {"mode": SECRET, "count": 1}),
        lambda: ("refused", {"count": 1001}),
        lambda: ("refused", {"passwords": [{SECRET: SECRET}]}),
        lambda: ("refused", [SECRET]),
        lambda: ("refused", over_http("{" + SECRET)),
        lambda: ("refused", over_http(json.dumps({"count": SECRET}))),
        # No larger: the runtime client keeps an event until Python collects its garbage.
        lambda: ("refused", {"passwords": "x" * source.choice([10, 1_000, 10_000])}),
    ]
    return source.choice(makers)()


def came_of(answer: dict[str, Any]) -> str:
    if answer.get("errorType") == "InvalidEvent" or answer.get("statusCode") == 400:
        return "refused"
    body = json.loads(answer["body"]) if "body" in answer else answer
    assert "mode" in body, body.keys()
    return "items refused" if body.get("errors") else "done"


def test_what_it_holds_does_not_grow(capsys: pytest.CaptureFixture[str]) -> None:
    source = random.Random(14)
    seen: Counter[str] = Counter()
    rows = []
    settings = {"WORKER_COUNT": "2", "MALLOC_MMAP_THRESHOLD_": "65536"}
    with Emulator(environment=settings) as emulator:
        hashes = emulator.invoke({"passwords": [SECRET, "b"], "cost": 4})["hashes"]
        process = handler_of(emulator)
        for number in range(REQUESTS):
            if number % (REQUESTS // LOOKS) == 0:
                rows.append((number, Held.by(process)))
            expected, sent = mixed(source, hashes)
            assert came_of(emulator.invoke(sent)) == expected
            seen[expected] += 1
        rows.append((REQUESTS, Held.by(process)))
        assert handler_of(emulator) == process  # it was never started anew
        assert SECRET not in emulator.log
    with capsys.disabled():
        print(f"\n{dict(seen)}")
        print("| requests | resident, kB | threads | descriptors |\n|---|---|---|---|")
        for number, held in rows:
            print(f"| {number:,} | {held.memory_kb:,} | {held.threads} | {held.descriptors} |")
    assert len(seen) == 3
    warm = [held for _, held in rows[LOOKS // 5 :]]
    assert len({(held.threads, held.descriptors) for held in warm}) == 1
    lows = [min(held.memory_kb for held in part) for part in (warm[:8], warm[-8:])]
    assert lows[1] - lows[0] < GROWTH_KB
