"""The handler end to end: the real emulator and runtime client, over HTTP."""

from __future__ import annotations

import json
from pathlib import Path

import bcrypt
import pytest

from bcrypt_batch import verify_many
from emulator import function
from emulator.function import Emulator
from emulator.problem import Problem

EVENTS = Path(__file__).parent.parent / "events"
SENT = [path for path in sorted(EVENTS.glob("*.json")) if path.stem != "schema"]


def test_parallel_and_sequential(emulator: Emulator) -> None:
    answers = [emulator.invoke({"mode": mode, "count": 20}) for mode in ("parallel", "sequential")]
    parallel, sequential = answers
    assert parallel["cold_start"]
    assert not sequential["cold_start"]
    assert 2 <= parallel["threads_used"] == len(set(parallel["thread_ids"]))
    assert sequential["threads_used"] == 1
    for answer in answers:
        assert answer["processed"] == 20
        made = [hashed.encode() for hashed in answer["hashes"]]
        passwords = [b"password_%06d" % i for i in range(20)]
        assert verify_many(passwords, made).values == [True] * 20
        assert bcrypt.checkpw(passwords[-1], made[-1])


def test_what_one_mode_makes_the_other_verifies(emulator: Emulator) -> None:
    passwords = [f"pass {i}" for i in range(15)]
    made = emulator.invoke({"mode": "parallel", "passwords": passwords, "cost": 5})["hashes"]
    pairs = [{"password": p, "hash": h} for p, h in zip(passwords, made, strict=True)]
    for mode in ("sequential", "parallel", "auto"):
        assert emulator.invoke({"mode": mode, "verify": pairs})["matches"] == [True] * 15


@pytest.mark.parametrize("path", SENT, ids=lambda path: path.stem)
def test_events(emulator: Emulator, path: Path) -> None:
    answer = emulator.invoke(json.loads(path.read_text()))
    if path.stem == "invalid":
        assert answer["errorType"] == "InvalidEvent"
        assert "mode must be one of" in answer["errorMessage"]
    else:
        body = json.loads(answer["body"]) if "body" in answer else answer
        assert body["processed"] >= 2
    lines = [json.loads(line) for line in emulator.log.splitlines() if line.startswith("{")]
    assert "request_id" in lines[-1]
    assert "s3cret" not in emulator.log
    assert "$2b$" not in emulator.log


def test_a_thousand_passwords(emulator: Emulator) -> None:
    answer = emulator.invoke({"count": 1000, "cost": 4})
    assert answer["processed"] == 1000
    assert bcrypt.checkpw(b"password_000999", answer["hashes"][999].encode())


def test_the_answer_comes_before_the_timeout() -> None:
    """Forty items of cost 13, one at a time, take more than two seconds."""
    with Emulator(timeout_s=2, environment={"WORKER_COUNT": "1"}) as short:
        event = {"mode": "sequential", "count": 40, "cost": 13, "partial": True}
        answer = short.invoke(event)
    assert 0 < len(answer["unprocessed"]) <= 40
    assert answer["duration_ms"] < 2000


def test_workers_follow_the_memory_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """The function doesn't see this process's environment."""
    monkeypatch.setenv("WORKER_COUNT", "2")
    with Emulator(memory_mb=1536) as small:
        assert small.invoke({"count": 3, "cost": 4})["workers"] == 1


def test_a_function_that_can_not_start_says_why_in_its_last_line() -> None:
    with (
        Emulator(environment={"WORKER_COUNT": "0"}) as broken,
        pytest.raises(Problem) as caught,
    ):
        broken.invoke({"count": 1})
    last = str(caught.value).splitlines()[-1]
    assert "the function raised ValueError: WORKER_COUNT must be a whole number from 1 to 1" in last
    assert "leave it empty" in last


def test_an_emulator_that_can_not_be_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(function, "BINARY", tmp_path / "aws-lambda-rie")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(Problem, match=r"on PyPI or .* pip must be 25\.1 or newer"):
        function.fetch()
    assert not function.BINARY.exists()
