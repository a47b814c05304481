"""The handler's events, good and bad, and what it answers and logs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import app
from environment import asked_workers
from request import InvalidEvent

EVENTS = Path(__file__).parent.parent / "events"
HANDLER = Path(app.__file__).parent


class Context:
    """What Lambda's context object gives, for a function with half a minute left."""

    aws_request_id = "request-1"
    remaining_ms = 30_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


def event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text())


def call(event: Any) -> dict[str, Any]:
    return app.handler(event, Context())


def check_hashes(passwords: list[bytes], answer: dict[str, Any]) -> None:
    for password, hashed in zip(passwords, answer["hashes"], strict=True):
        assert bcrypt.checkpw(password, hashed.encode())


def test_synthetic_passwords() -> None:
    answer = call({"mode": "parallel", "count": 7, "cost": 4})
    check_hashes([b"password_%06d" % i for i in range(7)], answer)
    assert answer["processed"] == 7
    assert answer["mode"] == "parallel"
    assert answer["workers"] == app.WORKERS
    assert answer["cost"] == 4
    assert answer["avg_ms_per_item"] == pytest.approx(answer["duration_ms"] / 7, abs=0.01)
    assert answer["threads_used"] == len(answer["thread_ids"]) >= 1
    assert answer["detected_cpus"] >= 1
    assert 5_000 < answer["memory_used_kb"] < 500_000
    assert "errors" not in answer
    assert "unprocessed" not in answer


def test_default_cost() -> None:
    assert call({"count": 1})["hashes"][0].startswith("$2b$10$")


def test_given_passwords() -> None:
    answer = call(event("passwords"))
    check_hashes([p.encode() for p in event("passwords")["passwords"]], answer)


def test_raw_bytes_in_base64() -> None:
    answer = call(event("base64"))
    check_hashes([b"\xff\0\xff", b"\0"], answer)
    assert all(hashed.startswith("$2y$04$") for hashed in answer["hashes"])


def test_verify() -> None:
    answer = call(event("verify"))
    assert answer["matches"] == [True, False, True, None]
    assert [(error["index"], error["code"]) for error in answer["errors"]] == [(3, "invalid_hash")]
    assert answer["processed"] == 3
    assert answer["cost"] is None
    assert "hashes" not in answer


def test_sequential_mode_is_one_thread_and_one_lane() -> None:
    answer = call({"mode": "sequential", "count": 3, "cost": 4})
    assert (answer["workers"], answer["threads_used"], answer["lanes"]) == (1, 1, 1)


def test_parallel_mode_uses_several_threads() -> None:
    answer = call({"mode": "parallel", "count": 24, "cost": 8, "workers": 2, "lanes": 2})
    assert answer["threads_used"] == 2
    assert answer["lanes"] == 2


@pytest.mark.parametrize(
    ("workers", "count", "mode"), [(1, 1, "sequential"), (1, 2, "parallel"), (2, 1, "parallel")]
)
def test_auto_mode_says_what_it_picked(workers: int, count: int, mode: str) -> None:
    assert call({"count": count, "cost": 4, "workers": workers})["mode"] == mode


@pytest.mark.parametrize("name", ["function_url", "api_gateway_1"])
def test_over_http(name: str) -> None:
    response = call(event(name))
    assert response["statusCode"] == 200
    assert response["headers"]["Content-Type"] == "application/json"
    check_hashes([b"password_%06d" % i for i in range(4)], json.loads(response["body"]))


@pytest.mark.parametrize(
    "body",
    [None, "", "{", "[]", "7", '"text"', '{"count": 0}', "\ud800", "[" * 100_000, {"count": 1}],
)
def test_a_bad_request_over_http_is_400(body: Any) -> None:
    response = call({**event("function_url"), "body": body})
    assert response["statusCode"] == 400
    error = json.loads(response["body"])["error"]
    assert error["type"] == "InvalidEvent"
    assert error["message"]


def test_a_body_that_is_no_base64_is_400() -> None:
    for body in ("é", "a", "////"):
        response = call({**event("api_gateway_1"), "body": body})
        assert response["statusCode"] == 400


SECRET = "hunter2-very-secret"


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (None, "the event must be a JSON object, not null"),
        ([], "the event must be a JSON object, not a list"),
        (SECRET, "the event must be a JSON object, not a string"),
        ({}, "exactly one of 'count', 'passwords', 'verify' is needed, not none of them"),
        ({"count": 1, "passwords": [SECRET]}, "exactly one of .* not 'count', 'passwords'"),
        ({"cuont": 1}, "unknown field 'cuont'; the fields are 'mode', 'cost'"),
        (
            {"mode": "paralel", "count": 1},
            "mode must be one of 'sequential', 'parallel', 'auto', not 'paralel'",
        ),
        ({"mode": None, "count": 1}, "mode must be one of .*, not null"),
        ({"mode": [SECRET], "count": 1}, "mode must be one of .*, not a list"),
        ({"count": 0}, "count must be a whole number from 1 to 1000, not 0"),
        ({"count": 1001}, "count must be a whole number from 1 to 1000, not 1001"),
        ({"count": "20"}, "count must be a whole number from 1 to 1000, not '20'"),
        ({"count": True}, "count must be a whole number from 1 to 1000, not true"),
        ({"count": 2.0}, "count must be a whole number from 1 to 1000, not 2.0"),
        ({"count": None}, "count must be a whole number from 1 to 1000, not null"),
        ({"count": SECRET}, "count must be a whole number from 1 to 1000, not a string"),
        ({"passwords": SECRET}, "passwords must be a list, not a string"),
        ({"passwords": []}, "passwords must have from 1 to 1000 entries, not 0"),
        ({"passwords": [SECRET] * 1001}, "passwords must have from 1 to 1000 entries, not 1001"),
        ({"passwords": [SECRET, 7]}, r"passwords\[1\] must be a string, not a number"),
        ({"passwords": ["\ud800"]}, r"passwords\[0\] is not valid utf-8"),
        ({"passwords": [SECRET], "encoding": "base64"}, r"passwords\[0\] is not valid base64"),
        ({"passwords": ["é"], "encoding": "base64"}, r"passwords\[0\] is not valid base64"),
        ({"count": 1, "encoding": "latin-1"}, "encoding must be one of 'utf-8', 'base64'"),
        ({"count": 1, "cost": 3}, "cost must be a whole number from 4 to 31, not 3"),
        ({"count": 1, "cost": 32}, "cost must be a whole number from 4 to 31, not 32"),
        ({"count": 1, "prefix": "2x"}, "prefix must be one of '2a', '2b', '2y', not '2x'"),
        ({"count": 1, "workers": 0}, "workers must be a whole number from 1 to 1024, not 0"),
        ({"count": 1, "lanes": 9}, "lanes must be a whole number from 1 to 8, not 9"),
        ({"count": 1, "mode": "sequential", "workers": 2}, "workers does not go with mode"),
        ({"count": 1, "mode": "sequential", "lanes": 4}, "lanes does not go with mode"),
        ({"verify": {}}, "verify must be a list, not an object"),
        ({"verify": [SECRET]}, r"verify\[0\] must be an object of a password and a hash"),
        ({"verify": [{"password": SECRET}]}, r"verify\[0\] must be an object"),
        ({"verify": [{"password": SECRET, "hash": 1}]}, r"verify\[0\].hash must be a string"),
        ({"verify": [{"password": 1, "hash": ""}]}, r"verify\[0\].password must be a string"),
        ({"verify": [{"password": "", "hash": ""}], "cost": 4}, "cost does not go with verify"),
    ],
)
def test_a_bad_event_is_named(event: Any, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InvalidEvent, match=message) as caught:
        call(event)
    assert SECRET not in str(caught.value)
    assert SECRET not in capsys.readouterr().out


junk = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 1002) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)
pair = st.fixed_dictionaries({"password": st.text(max_size=80) | junk, "hash": junk})


@settings(max_examples=300)
@given(
    event=st.fixed_dictionaries(
        {},
        optional={
            "mode": st.sampled_from(["sequential", "parallel", "auto"]) | junk,
            "count": junk,
            "passwords": st.lists(st.text(max_size=80) | junk, max_size=4) | junk,
            "verify": st.lists(pair, max_size=4) | junk,
            "cost": junk,
            "prefix": st.sampled_from(["2a", "2b", "2x"]) | junk,
            "encoding": st.sampled_from(["utf-8", "base64"]) | junk,
            "workers": st.integers(1, 2) | st.text(max_size=2),
            "lanes": junk,
        },
    )
)
def test_any_event_is_answered_or_refused(event: dict[str, Any]) -> None:
    """With no time left, so that nothing is computed whatever cost the event asks for."""
    context = Context()
    context.remaining_ms = 0
    try:
        answer = app.handler(event, context)
    except InvalidEvent:
        return
    json.dumps(answer)
    assert answer["processed"] == 0


def test_one_line_of_log_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    hashed = bcrypt.hashpw(SECRET.encode(), bcrypt.gensalt(4)).decode()
    call({"verify": [{"password": SECRET, "hash": hashed}, {"password": SECRET, "hash": SECRET}]})
    answer = call({"passwords": [SECRET, "x" * 73], "cost": 4})
    out = capsys.readouterr().out
    verified, made = map(json.loads, out.splitlines())
    assert verified["request_id"] == "request-1"
    assert verified["errors"] == made["errors"] == 1
    assert made["processed"] == 1
    assert made["duration_ms"] == answer["duration_ms"]
    for secret in (SECRET, hashed, hashed[7:], answer["hashes"][0]):
        assert secret not in out


def test_what_the_remaining_time_does_not_allow_is_listed() -> None:
    context = Context()
    context.remaining_ms = int(app.MARGIN_S * 1000) + 150
    answer = app.handler({"count": 1000, "cost": 10}, context)
    assert answer["processed"] + len(answer["unprocessed"]) == 1000
    assert answer["unprocessed"]
    assert answer["hashes"].count(None) == len(answer["unprocessed"])
    context.remaining_ms = 10
    answer = app.handler({"count": 2, "cost": 10}, context)
    assert answer["unprocessed"] == [0, 1]
    assert answer["avg_ms_per_item"] is None


def test_cold_start_is_the_first_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_cold", True)
    assert [call({"count": 1, "cost": 4})["cold_start"] for _ in range(3)] == [True, False, False]


def test_the_pool_exists_before_the_first_request_and_imports_stay_light() -> None:
    code = """
import os, sys
alone = len(os.listdir("/proc/self/task"))
import app
threads = len(os.listdir("/proc/self/task"))
app.handler({"count": 8, "cost": 4}, type("C", (), {
    "aws_request_id": "1", "get_remaining_time_in_millis": lambda self: 9000})())
assert len(os.listdir("/proc/self/task")) == threads == alone + 3
heavy = {"boto3", "botocore", "bcrypt", "inspect", "typing", "dataclasses", "logging"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    done = cold_start(code, WORKER_COUNT="3")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "value", ["0", "-1", "1.5", "two", "auto", " ", " 2", "1025", "²", "9" * 5000]
)
def test_a_bad_worker_count_is_named(value: str) -> None:
    message = "^WORKER_COUNT must be a whole number from 1 to 1024, not .*; leave it empty"
    with pytest.raises(ValueError, match=message) as caught:
        asked_workers({"WORKER_COUNT": value})
    assert len(str(caught.value)) < 200


def test_worker_count() -> None:
    assert asked_workers({}) is asked_workers({"WORKER_COUNT": ""}) is None
    assert asked_workers({"BCRYPT_BATCH_WORKERS": "2"}) is None
    assert [asked_workers({"WORKER_COUNT": text}) for text in ("1", "024", "1024")] == [1, 24, 1024]


def cold_start(code: str = "import app", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code as on Lambda: the folder's content is the root, and nothing else is on the path."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=HANDLER,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_bad_worker_count_fails_the_cold_start() -> None:
    done = cold_start(WORKER_COUNT="many")
    assert done.returncode == 1
    assert (
        "ValueError: WORKER_COUNT must be a whole number from 1 to 1024, not 'many'" in done.stderr
    )


def test_the_worker_count_is_that_of_every_batch() -> None:
    """The library is not told it: each batch is."""
    code = """
import app, bcrypt_batch, json
answer = app.handler({"count": 9, "cost": 4}, type("C", (), {
    "aws_request_id": "1", "get_remaining_time_in_millis": lambda self: 9000})())
print(app.WORKERS, answer["workers"], bcrypt_batch.worker_count())
"""
    for environment, expected in (
        ({"WORKER_COUNT": "3", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128"}, "3 3 1"),
        ({"WORKER_COUNT": "3", "BCRYPT_BATCH_WORKERS": "2"}, "3 3 2"),
        ({"WORKER_COUNT": "", "BCRYPT_BATCH_WORKERS": "2"}, "2 2 2"),
        ({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128"}, "1 1 1"),
    ):
        done = cold_start(code, **environment)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == expected
