"""Events that come over HTTP: what is read of them, how they are answered, who waits how long."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

import app
import envelope
from envelope import API_GATEWAY_S, Envelope
from tests.invoked import call, check_hashes, event, over_http

HTTP_EVENTS = (
    "function_url",
    "api_gateway_1",
    "api_gateway_2",
    "load_balancer",
    "load_balancer_multi_value",
)


@pytest.mark.parametrize("event", ["requestContext", ["requestContext"], {}, {"count": 1}, None])
def test_what_is_no_request(event: Any) -> None:
    assert not envelope.is_http(event)


def with_body(name: str, body: Any) -> dict[str, Any]:
    return over_http(json.dumps(body), name)


@pytest.mark.parametrize("name", HTTP_EVENTS)
def test_an_answer(name: str) -> None:
    response = call(event(name))
    assert response["statusCode"] == 200
    assert response["isBase64Encoded"] is False
    check_hashes([b"password_%06d" % i for i in range(4)], json.loads(response["body"]))


@pytest.mark.parametrize("name", HTTP_EVENTS)
@pytest.mark.parametrize("good", [True, False])
def test_the_headers_that_each_sender_takes(name: str, good: bool) -> None:
    response = call(with_body(name, {"count": 1, "cost": 4} if good else {}))
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    if name == "load_balancer_multi_value":
        assert response["multiValueHeaders"] == {key: [value] for key, value in headers.items()}
        assert "headers" not in response
    else:
        assert response["headers"] == headers
        assert "multiValueHeaders" not in response
    if name.startswith("load_balancer"):
        assert response["statusDescription"] == ("200 OK" if good else "400 Bad Request")
    else:
        assert "statusDescription" not in response
    assert response["statusCode"] == (200 if good else 400)


@pytest.mark.parametrize("name", HTTP_EVENTS)
@pytest.mark.parametrize(
    "body",
    [None, "", "{", "[]", "7", '"text"', '{"count": 0}', "\ud800", "[" * 100_000, {"count": 1}],
)
def test_a_bad_request_is_400(name: str, body: Any) -> None:
    response = call(over_http(body, name))
    assert response["statusCode"] == 400
    error = json.loads(response["body"])["error"]
    assert error["type"] == "InvalidEvent"
    assert error["message"]


def test_a_body_that_is_no_json_is_named() -> None:
    for request in ({"body": "{"}, {"body": None}, {}, {"body": "////", "isBase64Encoded": True}):
        response = call({"requestContext": {}, **request})
        message = json.loads(response["body"])["error"]["message"]
        assert message == "the request's body must be a JSON object in UTF-8"


def test_a_body_in_base64() -> None:
    body = base64.b64encode(b'{"count": 1, "cost": 4}').decode()
    response = call({**event("api_gateway_2"), "body": body, "isBase64Encoded": True})
    assert json.loads(response["body"])["processed"] == 1
    for body in ("é", "a", "////"):
        response = call({**event("api_gateway_2"), "body": body, "isBase64Encoded": True})
        assert response["statusCode"] == 400


def test_any_request_context_is_borne() -> None:
    contexts: list[Any] = [None, 7, "elb", [], {"domainName": 7}, {"domainName": [".lambda-url."]}]
    for context in contexts:
        response = call({"requestContext": context, "body": '{"count": 1, "cost": 4}'})
        assert response["statusCode"] == 200
        assert "headers" in response
        assert "statusDescription" not in response


DOMAINS = (
    ("abcdefghij.lambda-url.eu-west-1.on.aws", None),
    ("abcdefghij.execute-api.eu-west-1.amazonaws.com", API_GATEWAY_S),
    ("hash.example.com", API_GATEWAY_S),
    ("lambda-url.example.com", API_GATEWAY_S),
    (None, API_GATEWAY_S),
)


@pytest.mark.parametrize(("domain", "patience_s"), DOMAINS)
@pytest.mark.parametrize("name", ["function_url", "api_gateway_1", "api_gateway_2"])
def test_the_domain_tells_a_function_url_from_api_gateway(
    name: str, domain: str | None, patience_s: float | None
) -> None:
    request = event(name)
    request["requestContext"]["domainName"] = domain
    assert Envelope(request).patience_s == patience_s


def seconds_allowed(event: Any, remaining_ms: int, monkeypatch: pytest.MonkeyPatch) -> float | None:
    """Return the deadline that a request's batch gets."""
    given = []
    run = app.run

    def spy(request: Any, deadline_s: float) -> Any:
        given.append(deadline_s)
        return run(request, deadline_s)

    monkeypatch.setattr(app, "run", spy)
    call(event, remaining_ms)
    (deadline_s,) = given
    return deadline_s


@pytest.mark.parametrize(
    ("name", "remaining_ms", "deadline_ms", "expected_s"),
    [
        ("function_url", 900_000, None, 899.7),
        ("load_balancer", 900_000, None, 899.7),
        ("load_balancer_multi_value", 900_000, None, 899.7),
        ("api_gateway_1", 900_000, None, 28.0),
        ("api_gateway_2", 900_000, None, 28.0),
        ("api_gateway_2", 28_000, None, 27.7),  # the function's own time is shorter
        ("api_gateway_2", 900_000, 500, 0.5),  # and so is the request's wish
        ("api_gateway_2", 900_000, 60_000, 28.0),  # but not a longer one
        ("function_url", 900_000, 500, 0.5),
        ("function_url", 900_000, 60_000, 60.0),
        ("function_url", 30_000, 60_000, 29.7),
        ("function_url", 200, 60_000, 0.0),
        ("function_url", 30_000, 0, 0.0),
    ],
)
def test_the_first_to_give_up_decides(
    name: str,
    remaining_ms: int,
    deadline_ms: int | None,
    expected_s: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = {"count": 1, "cost": 4, "partial": True} | (
        {} if deadline_ms is None else {"deadline_ms": deadline_ms}
    )
    allowed = seconds_allowed(with_body(name, body), remaining_ms, monkeypatch)
    assert allowed == pytest.approx(expected_s)


def test_what_api_gateway_would_not_wait_for_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a gateway that waits a fifth of a second: 1000 hashes of cost 10 take seconds."""
    monkeypatch.setattr(envelope, "API_GATEWAY_S", 0.2)
    response = call(with_body("api_gateway_2", {"count": 1000, "cost": 10, "partial": True}))
    assert response["statusCode"] == 200
    answer = json.loads(response["body"])
    assert answer["processed"] + len(answer["unprocessed"]) == 1000
    assert answer["unprocessed"]
