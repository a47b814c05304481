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
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError
from botocore.stub import Stubber

from benchmarks.memory.targets.clients import ATTEMPTS
from benchmarks.memory.targets.invocation import Configuration
from benchmarks.memory.targets.on_lambda import COLD_START_VARIABLE, LambdaTarget, function_name
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


class Stubbed:
    """A target to whose requests to invoke the answers are given here, and the naps it took."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **options: Any) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "testing")
        self.naps_s: list[float] = []
        monkeypatch.setattr(time, "sleep", self.naps_s.append)
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # has the credentials it once found
        functions = options.pop("functions", [FUNCTION])
        self.target = LambdaTarget(functions, stack="bcrypt-batch", region="us-east-1", **options)
        self.client = self.target._client
        self.responses: list[AWSResponse | Exception] = []
        self.requests: list[Any] = []
        self.client.meta.events.register("before-send.lambda.Invoke", self._respond)

    def _respond(self, request: Any, **_: Any) -> AWSResponse:
        self.requests.append(request)
        response = self.responses.pop(0)
        if isinstance(response, Exception):
            raise response
        return response

    def answers(self, answer: Any, report: str = REPORT, function_error: str = "") -> None:
        headers = {"X-Amz-Log-Result": base64.b64encode(report.encode()).decode()}
        if function_error:
            headers["X-Amz-Function-Error"] = function_error
        self.responses.append(response(200, json.dumps(answer), headers))

    def fails(self, code: str, status: int, message: str = "") -> None:
        content = json.dumps({"Message": message, "Type": "User"})
        self.responses.append(response(status, content, {"x-amzn-errortype": code}))


def response(status: int, content: str, headers: dict[str, str]) -> AWSResponse:
    raw = io.BytesIO(content.encode())
    raw.stream = lambda **_: iter([content.encode()])  # type: ignore[attr-defined]
    return AWSResponse("https://lambda.example", status, headers, raw)


@pytest.fixture
def stubbed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubbed]:
    made = Stubbed(monkeypatch)
    yield made
    assert not made.responses


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
    (request,) = stubbed.requests
    assert request.url.endswith(f"/functions/{NAME}/invocations")
    assert request.headers["X-Amz-Log-Type"] == b"Tail"
    assert json.loads(request.body) == EVENT


def test_throttled_invocations_are_tried_again_and_counted(stubbed: Stubbed) -> None:
    for code, status in (
        ("TooManyRequestsException", 429),
        ("EC2ThrottledException", 502),
        ("ServiceException", 500),
    ):
        stubbed.fails(code, status)
    stubbed.answers(ANSWER)
    row, _ = stubbed.target.invoke(FUNCTION, EVENT)
    assert (row.attempts, row.error) == (4, "")
    # Full jitter: at most twice as long each time; botocore's standard mode.
    assert len(stubbed.naps_s) == 3
    assert all(0 <= nap_s <= 2**attempt for attempt, nap_s in enumerate(stubbed.naps_s))


def test_after_the_last_attempt_the_failure_is_recorded(stubbed: Stubbed) -> None:
    for _ in range(ATTEMPTS):
        stubbed.fails("TooManyRequestsException", 429, "Rate\nexceeded")
    row, answer = stubbed.target.invoke(FUNCTION, EVENT)
    assert (row.attempts, answer) == (ATTEMPTS, {})
    assert "TooManyRequestsException" in row.error
    assert "\n" not in row.error
    assert row.items == 20


def test_no_connection_is_tried_again(stubbed: Stubbed) -> None:
    for _ in range(ATTEMPTS):
        stubbed.responses.append(EndpointConnectionError(endpoint_url="https://lambda.example"))
    with pytest.raises(Problem, match=r"Could not connect .* see --region"):
        stubbed.target.invoke(FUNCTION, EVENT)
    assert len(stubbed.naps_s) == ATTEMPTS - 1


def test_a_connection_that_keeps_breaking_is_recorded(stubbed: Stubbed) -> None:
    for _ in range(ATTEMPTS):
        stubbed.responses.append(ConnectionClosedError(endpoint_url="https://lambda.example"))
    row, _ = stubbed.target.invoke(FUNCTION, EVENT)
    assert row.attempts == ATTEMPTS
    assert "Connection was closed" in row.error


def test_a_function_error_is_recorded_with_its_message(stubbed: Stubbed) -> None:
    error = {"errorType": "InvalidEvent", "errorMessage": "cost must be a whole number"}
    stubbed.answers(error, function_error="Unhandled")
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
        ("ResourceNotFoundException", 404, "deploy benchmarks/template.yaml"),
        ("AccessDeniedException", 403, "lacks this permission"),
        ("ExpiredTokenException", 403, "sign in again"),
    ],
)
def test_what_trying_again_would_not_mend(
    stubbed: Stubbed, code: str, status: int, advice: str
) -> None:
    stubbed.fails(code, status)
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


def settings(function: Configuration, **variables: str) -> dict[str, Any]:
    name = function_name("bcrypt-batch", function)
    return {"FunctionName": name, "Timeout": 60, "Environment": {"Variables": variables}}


class Updates:
    """What functions are told, in order, and the answers to it."""

    def __init__(self, client: Any) -> None:
        self.variables: list[dict[str, str]] = []
        self.names: list[str] = []
        self.stubber = Stubber(client)
        client.meta.events.register(
            "provide-client-params.lambda.UpdateFunctionConfiguration", self._see
        )

    def _see(self, params: dict[str, Any], **_: Any) -> None:
        self.names.append(params["FunctionName"])
        self.variables.append(params["Environment"]["Variables"])

    def configuration(self, function: Configuration, **variables: str) -> None:
        found = settings(function, **variables)
        self.stubber.add_response(
            "get_function_configuration", found, {"FunctionName": found["FunctionName"]}
        )

    def success(self) -> None:
        self.stubber.add_response("update_function_configuration", {})
        updated = {"Configuration": {"LastUpdateStatus": "Successful"}}
        self.stubber.add_response("get_function", updated)

    def failure(self) -> None:
        self.stubber.add_client_error("update_function_configuration", "ResourceConflictException")


def test_a_forced_cold_start_keeps_the_environment_and_gives_it_back(stubbed: Stubbed) -> None:
    updates = Updates(stubbed.client)
    # What a killed run left behind is no part of the environment.
    updates.configuration(FUNCTION, WORKER_COUNT="2", **{COLD_START_VARIABLE: "old"})
    for _ in range(3):  # two cold starts, and the end
        updates.success()
    with updates.stubber, stubbed.target as functions:
        functions.make_cold(FUNCTION)
        functions.make_cold(FUNCTION)
        assert functions.timeout_s(FUNCTION) == 60
        assert functions.expected_workers(FUNCTION) == 2
    assert [variables["WORKER_COUNT"] for variables in updates.variables] == ["2"] * 3
    marks = [variables.get(COLD_START_VARIABLE) for variables in updates.variables]
    assert len(set(marks)) == 3
    assert "old" not in marks
    assert marks[-1] is None


def test_what_can_not_be_given_back_to_one_function_is_to_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    others = [Configuration("arm64", 2048), Configuration("arm64", 4096)]
    stubbed = Stubbed(monkeypatch, functions=[FUNCTION, *others])
    updates = Updates(stubbed.client)
    for function in stubbed.target.configurations:
        updates.configuration(function)
        updates.success()
    updates.success()
    updates.failure()
    updates.success()
    with updates.stubber:
        for function in stubbed.target.configurations:
            stubbed.target.make_cold(function)
        with pytest.raises(Problem, match="ResourceConflictException"):
            stubbed.target.__exit__()
    updates.stubber.assert_no_pending_responses()
    restored = zip(updates.names[3:], updates.variables[3:], strict=True)
    names = [function_name("bcrypt-batch", function) for function in (FUNCTION, *others)]
    assert sorted(restored) == [(name, {}) for name in names]


def test_a_version_is_invoked_by_its_qualifier(monkeypatch: pytest.MonkeyPatch) -> None:
    stubbed = Stubbed(monkeypatch, qualifier="live")
    stubbed.answers(ANSWER)
    assert stubbed.target.invoke(FUNCTION, EVENT).invocation.good
    assert stubbed.requests[0].url.endswith("/invocations?Qualifier=live")


def test_a_version_can_not_be_made_cold(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Problem, match="leave out --qualifier"):
        Stubbed(monkeypatch, qualifier="live").target.make_cold(FUNCTION)
