"""What validate calls wrong."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.memory import validate
from benchmarks.memory.targets.invocation import Configuration
from tests.benchmarks.memory.fake_target import FakeTarget

FUNCTION = Configuration("x86_64", 3538)


def test_right_answers() -> None:
    functions = FakeTarget([FUNCTION])
    assert validate.check(functions, FUNCTION, 20, 10) == []
    sent = [event["mode"] for _, event in functions.events if "count" in event]
    assert sent == ["parallel", *["parallel", "sequential"] * 3]  # the first is cold
    verified = [event["verify"] for _, event in functions.events if "verify" in event]
    assert [pair["password"] for pair in verified[0]] == [
        "password_000000", "password_000019", "another"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "answer", "problem"),
    [
        ({"processed": 19}, {}, "parallel: 19 of 20 items processed"),
        ({"workers": 1}, {}, "parallel: 1 workers, not 2"),
        ({"workers": 2}, {}, "sequential: 2 workers, not 1"),
        ({"threads_used": 0}, {}, "parallel: 0 threads used of 2"),
        ({"cold": False}, {}, "the forced cold start was warm"),
        ({"error": "InvalidEvent: no"}, {}, "parallel: InvalidEvent: no"),
        ({}, {"hashes": ["$2b$10$x"] * 20}, "parallel: two hashes are equal"),
        ({}, {"hashes": []}, "parallel: 0 hashes of 20 items"),
        ({}, {"hashes": [f"$2b$04${i}" for i in range(20)]}, "20 hashes of another form or cost"),
        ({}, {"matches": [True, True, True]}, "verify: [True, True, True]"),
        ({}, {"matches": [False, True, False]}, "verify: [False, True, False]"),
    ],
)
def test_wrong_answers(row: dict[str, Any], answer: dict[str, Any], problem: str) -> None:
    functions = FakeTarget([FUNCTION])
    functions.row, functions.answer = row, answer
    problems = validate.check(functions, FUNCTION, 20, 10)
    assert any(problem in found for found in problems), problems
