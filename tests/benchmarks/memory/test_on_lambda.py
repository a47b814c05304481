"""Invoking real functions: what is sent to AWS and what comes back, without AWS."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from benchmarks.memory.targets.interface import ATTEMPTS
from benchmarks.memory.targets.invocation import Configuration
from benchmarks.memory.targets.on_lambda import COLD_START_VARIABLE, LambdaTarget
from emulator.problem import Problem

FUNCTION = Configuration("arm64", 1536)
NAME = "bcrypt-batch-arm64-1536"
EVENT = {"mode": "parallel", "count": 20, "cost": 10}
ANSWER = {
    "mode": "parallel",
    "processed": 20,
    "duration_ms": 301.2,
    "workers": 1,
    "detected_cpus": 2,
    "threads_used": 1,
    "lanes": 4,
    "kernel": "aarch64",
    "memory_used_kb": 16000,
    "cold_start": True,
}
REPORT = (
    "REPORT RequestId: 1\tDuration: 304.05 ms\tBilled Duration: 352 ms\tMemory Size: 1536 MB\t"
    "Max Memory Used: 44 MB\tInit Duration: 47.31 ms\t\n"
)
ASKED = {
    "FunctionName": NAME,
    "LogType": "Tail",
    "Payload": json.dumps(EVENT).encode(),
}


class Stubbed:
    """A target whose client answers as told, and the naps that it took."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **options: Any) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "testing")
        self.naps_s: list[float] = []
        monkeypatch.setattr(time, "sleep", self.naps_s.append)
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # has the credentials it once found
        self.target = LambdaTarget([FUNCTION], stack="bcrypt-batch", region="us-east-1", **options)
        self.stubber = Stubber(self.target._client)

    def answers(
        self, answer: Any, report: str = REPORT, asked: dict[str, Any] = ASKED, **more: Any
    ) -> None:
        content = json.dumps(answer).encode()
        response = {
            "StatusCode": 200,
            "LogResult": base64.b64encode(report.encode()).decode(),
            "Payload": StreamingBody(io.BytesIO(content), len(content)),
            **more,
        }
        self.stubber.add_response("invoke", response, asked)


@pytest.fixture
def stubbed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubbed]:
    made = Stubbed(monkeypatch)
    with made.stubber:
        yield made
        made.stubber.assert_no_pending_responses()


def test_what_the_report_says_is_what_counts(stubbed: Stubbed) -> None:
    stubbed.answers(ANSWER)
    row, answer = stubbed.target.invoke(FUNCTION, EVENT)
    assert answer == ANSWER
    assert row.configuration == FUNCTION
    assert (row.duration_ms, row.billed_ms, row.init_ms) == (304.05, 352, 47.31)
    assert (row.memory_used_mb, row.handler_ms, row.attempts) == (44, 301.2, 1)
    assert row.cold
    assert row.claimed
    assert row.error == ""


def test_throttled_invocations_are_tried_again_and_counted(stubbed: Stubbed) -> None:
    for code, status in (
        ("TooManyRequestsException", 429),
        ("EC2ThrottledException", 502),
        ("ServiceException", 500),
    ):
        stubbed.stubber.add_client_error("invoke", code, http_status_code=status)
    stubbed.answers(ANSWER)
    row, _ = stubbed.target.invoke(FUNCTION, EVENT)
    assert (row.attempts, row.error) == (4, "")
    # Full jitter: at most twice as long each time.
    assert len(stubbed.naps_s) == 3
    assert all(0 <= nap_s <= 2**attempt for attempt, nap_s in enumerate(stubbed.naps_s))


def test_after_the_last_attempt_the_failure_is_recorded(stubbed: Stubbed) -> None:
    for _ in range(ATTEMPTS):
        stubbed.stubber.add_client_error(
            "invoke", "TooManyRequestsException", "Rate\nexceeded", http_status_code=429
        )
    row, answer = stubbed.target.invoke(FUNCTION, EVENT)
    assert (row.attempts, answer) == (ATTEMPTS, {})
    assert "TooManyRequestsException" in row.error
    assert "\n" not in row.error
    assert row.items == 20


def test_no_connection_is_tried_again(stubbed: Stubbed, monkeypatch: pytest.MonkeyPatch) -> None:
    def send(*_: Any) -> Any:
        raise EndpointConnectionError(endpoint_url="https://lambda.example")

    monkeypatch.setattr(stubbed.target, "_send", send)
    with pytest.raises(Problem, match=r"Could not connect .* see --region"):
        stubbed.target.invoke(FUNCTION, EVENT)
    assert len(stubbed.naps_s) == ATTEMPTS - 1


def test_a_function_error_is_recorded_with_its_message(stubbed: Stubbed) -> None:
    error = {"errorType": "InvalidEvent", "errorMessage": "cost must be a whole number"}
    stubbed.answers(error, FunctionError="Unhandled")
    row, answer = stubbed.target.invoke(FUNCTION, EVENT)
    assert row.error == "InvalidEvent: cost must be a whole number"
    assert answer == {}
    assert (row.duration_ms, row.attempts, row.processed) == (304.05, 1, 0)


def test_items_that_failed_are_an_error(stubbed: Stubbed) -> None:
    stubbed.answers({**ANSWER, "processed": 19, "errors": [{"index": 3}], "unprocessed": [7]})
    row, _ = stubbed.target.invoke(FUNCTION, EVENT)
    assert row.error == "1 of 20 items failed"
    assert row.unprocessed == 1


def test_an_answer_without_a_log(stubbed: Stubbed) -> None:
    stubbed.answers(ANSWER, report="")
    row, _ = stubbed.target.invoke(FUNCTION, EVENT)
    assert row.duration_ms is None
    assert row.error == "no REPORT line in the log"


@pytest.mark.parametrize(
    ("code", "status", "advice"),
    [
        ("ResourceNotFoundException", 404, "deploy the stack"),
        ("AccessDeniedException", 403, "lacks this permission"),
        ("ExpiredTokenException", 403, "sign in again"),
    ],
)
def test_what_trying_again_would_not_mend(
    stubbed: Stubbed, code: str, status: int, advice: str
) -> None:
    stubbed.stubber.add_client_error("invoke", code, http_status_code=status)
    with pytest.raises(Problem, match=advice):
        stubbed.target.invoke(FUNCTION, EVENT)
    assert stubbed.naps_s == []


def test_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    target = LambdaTarget([FUNCTION], stack="bcrypt-batch", region="us-east-1")
    with pytest.raises(Problem, match="sign in"):
        target.invoke(FUNCTION, EVENT)


def settings(**variables: str) -> dict[str, Any]:
    return {"FunctionName": NAME, "Timeout": 60, "Environment": {"Variables": variables}}


def test_a_forced_cold_start_keeps_the_environment_and_gives_it_back(stubbed: Stubbed) -> None:
    seen: list[dict[str, str]] = []
    client, stubber = stubbed.target._client, stubbed.stubber
    client.meta.events.register(
        "provide-client-params.lambda.UpdateFunctionConfiguration",
        lambda params, **_: seen.append(params["Environment"]["Variables"]),
    )
    # What a killed run left behind is no part of the environment.
    before = settings(WORKER_COUNT="2", **{COLD_START_VARIABLE: "old"})
    stubber.add_response("get_function_configuration", before, {"FunctionName": NAME})
    for _ in range(3):  # two cold starts, and the end
        stubber.add_response("update_function_configuration", {"FunctionName": NAME})
        updated = {"Configuration": {"LastUpdateStatus": "Successful"}}
        stubber.add_response("get_function", updated, {"FunctionName": NAME})
    with stubbed.target as functions:
        functions.make_cold(FUNCTION)
        functions.make_cold(FUNCTION)
        assert functions.timeout_s(FUNCTION) == 60
        assert functions.expected_workers(FUNCTION) == 2
    assert [variables["WORKER_COUNT"] for variables in seen] == ["2"] * 3
    marks = [variables.get(COLD_START_VARIABLE) for variables in seen]
    assert len(set(marks)) == 3
    assert "old" not in marks
    assert marks[-1] is None


def test_a_version_is_invoked_by_its_qualifier(monkeypatch: pytest.MonkeyPatch) -> None:
    stubbed = Stubbed(monkeypatch, qualifier="live")
    with stubbed.stubber:
        stubbed.answers(ANSWER, asked={**ASKED, "Qualifier": "live"})
        assert stubbed.target.invoke(FUNCTION, EVENT).invocation.good


def test_a_version_can_not_be_made_cold(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Problem, match="leave out --qualifier"):
        Stubbed(monkeypatch, qualifier="live").target.make_cold(FUNCTION)
