"""Events that come over HTTP: how they are read and answered, and how long clients wait."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

import app
import envelope
from bcrypt_batch import kernels
from envelope import API_GATEWAY_S, Envelope
from fields import InvalidEvent
from tests.invoked import call, check_hashes, event, over_http

HTTP_EVENTS = (
    "function_url",
    "api_gateway_1",
    "api_gateway_2",
    "load_balancer",
    "load_balancer_multi_value",
)


# What Lambda sends to an asynchronous invocation's destination.
DESTINATION = {
    "version": "1.0",
    "timestamp": "2026-01-01T00:00:00.000Z",
    "requestContext": {
        "requestId": "request-0",
        "functionArn": "arn:aws:lambda:eu-west-1:123456789012:function:other:$LATEST",
        "condition": "Success",
        "approximateInvokeCount": 1,
    },
    "requestPayload": {"count": 1},
    "responsePayload": {"processed": 1},
}
NO_METHOD: list[Any] = [None, 7, "http", [], {"http": "POST"}]
NO_REQUESTS = [
    *("requestContext", ["requestContext"], {}, None, DESTINATION),
    *({"requestContext": found} for found in NO_METHOD),
]


@pytest.mark.parametrize("event", NO_REQUESTS)
def test_what_is_no_request(event: Any) -> None:
    """The sender takes an error for one, and would take an HTTP response for success."""
    assert envelope.method(event) is None
    with pytest.raises(InvalidEvent):
        call(event)


@pytest.mark.parametrize("name", HTTP_EVENTS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_health_check_is_answered_without_work(
    name: str, method: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    request = over_http("", name)
    if "httpMethod" in request:
        request["httpMethod"] = method
    else:
        request["requestContext"]["http"]["method"] = method
    monkeypatch.setattr(app, "run", lambda *_: pytest.fail("computed"))
    response = call(request)
    assert response["statusCode"] == 200
    answer = json.loads(response["body"])
    assert answer == {"kernel": kernels().chosen, "workers": app.WORKERS}
    assert capsys.readouterr().out == ""  # it comes every few seconds


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
        response = call({"requestContext": {}, "httpMethod": "POST", **request})
        message = json.loads(response["body"])["error"]["message"]
        assert message == "the request's body must be a JSON object in UTF-8"


def in_both_encodings(text: str, content: bytes) -> list[dict[str, Any]]:
    """Return requests whose body is a text, and some bytes in base64."""
    encoded = base64.b64encode(content).decode()
    bodies = ({"body": text}, {"body": encoded, "isBase64Encoded": True})
    return [{**over_http("", name), **body} for name in HTTP_EVENTS for body in bodies]


def test_a_body_with_a_byte_order_mark() -> None:
    text = '\ufeff{"count": 1, "cost": 4}'
    for request in in_both_encodings(text, text.encode()):
        assert json.loads(call(request)["body"])["processed"] == 1


def test_a_body_is_utf_8_in_either_encoding() -> None:
    content = '{"count": 1, "cost": 4}'.encode("utf-16")
    for request in in_both_encodings(content.decode(errors="replace"), content):
        response = call(request)
        assert response["statusCode"] == 400
        assert "JSON object in UTF-8" in response["body"]


def test_a_compressed_body_is_refused_by_name() -> None:
    event = b'{"count": 1, "cost": 4}'
    content = gzip.compress(event)
    by_content = in_both_encodings(content.decode(errors="replace"), content)
    by_content += in_both_encodings(content.decode("latin-1"), content)
    by_header = in_both_encodings(event.decode(), event)
    for request in by_header:
        if "headers" in request:
            request["headers"]["Content-Encoding"] = "br"
        else:
            request["multiValueHeaders"]["content-encoding"] = ["br"]
    for request in by_content + by_header:
        response = call(request)
        assert response["statusCode"] == 400
        assert "body is compressed: send it without Content-Encoding" in response["body"]


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
        body = {"body": '{"count": 1, "cost": 4}', "httpMethod": "POST"}
        response = call({"requestContext": context, **body})
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
        ("api_gateway_2", 900_000, 500, 0.5),  # the event's deadline is shorter
        ("api_gateway_2", 900_000, 60_000, 28.0),  # a longer deadline of the event doesn't count
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
    """The gateway waits a fifth of a second; 1000 hashes of cost 10 take seconds."""
    monkeypatch.setattr(envelope, "API_GATEWAY_S", 0.2)
    response = call(with_body("api_gateway_2", {"count": 1000, "cost": 10, "partial": True}))
    assert response["statusCode"] == 200
    answer = json.loads(response["body"])
    assert answer["processed"] + len(answer["unprocessed"]) == 1000
    assert answer["unprocessed"]
