"""Neither function quotes any part of an event, in an error or in its log."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import traceback
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

import app
from fields import InvalidEvent
from tests.bulk.engine import Context
from tests.bulk.test_events import GOOD as GOOD_OF_BULK
from tests.examples import examples
from tests.invoked import call, event
from tests.planted import FORMS, MARKER, MARKERS, planted


@pytest.fixture(autouse=True)
def _two_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same worker count on every machine."""
    monkeypatch.setattr(app, "WORKERS", 2)


# All fields of events, in events that are valid until a marker is planted in them.
HASH = "$2b$04$" + "." * 53
GOOD = [
    {"mode": "sequential", "count": 2, "cost": 4, "workers": 1, "lanes": 1, "deadline_ms": 1000},
    {"mode": "parallel", "passwords": ["one", "two"], "cost": 4, "prefix": "2y", "truncate": True},
    {"passwords": ["cHc=", "b25l"], "cost": 4, "encoding": "base64", "lanes": 2},
    {
        "mode": "auto",
        "verify": [{"password": "one", "hash": HASH}, {"password": "two", "hash": HASH}],
        "max_cost": 5,
        "partial": True,
    },
]
SENDERS = ["function_url", "api_gateway_1", "api_gateway_2", "load_balancer"]


@st.composite
def sendings(draw: st.DrawFn) -> Any:
    """An event, perhaps in an HTTP request with a broken body or envelope."""
    inner = draw(planted(draw(st.sampled_from(GOOD))))
    if draw(st.booleans()):
        return inner
    body = json.dumps(inner, ensure_ascii=draw(st.booleans()))
    body = draw(st.sampled_from([body, body[:-1], body + "}", MARKER, f'"{MARKER}"', f"[{body}]"]))
    encoded = draw(st.booleans())
    if encoded:
        body = base64.b64encode(body.encode(errors="surrogatepass")).decode()
        body = draw(st.sampled_from([body, body.rstrip("="), body[1:]]))
    request = {**event(draw(st.sampled_from(SENDERS))), "body": body, "isBase64Encoded": encoded}
    return draw(planted(request) | st.just(request))


def shown(event: Any, remaining_ms: int) -> list[str]:
    """Return all visible results of an event: output, the answer or the error, and its chain."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            answer = call(event, remaining_ms)
            texts = [json.dumps(answer), str(answer)]
        except InvalidEvent as error:
            chain = [error, error.__cause__, error.__context__]
            texts = [*map(str, chain), *map(repr, chain), *traceback.format_exception(error)]
    return [*texts, printed.getvalue()]


@settings(max_examples=examples(150))
@given(event=sendings(), remaining_ms=st.sampled_from([0, int(app.MARGIN_S * 1000) + 50]))
def test_nothing_of_an_event_is_quoted(event: Any, remaining_ms: int) -> None:
    for text in shown(event, remaining_ms):
        assert not any(form in text for form in FORMS)


class Store:
    """S3 in one of several states; an object is a table, whatever its name.

    Attributes:
        trouble: The code of S3's error for each call, or none.
    """

    def __init__(self, trouble: dict[str, str]) -> None:
        self.trouble = trouble

    def __getattr__(self, name: str) -> Any:
        def call(**_: Any) -> dict[str, Any]:
            if code := self.trouble.get(name, self.trouble.get("all")):
                raise ClientError({"Error": {"Code": code, "Message": ""}}, name)
            body = io.BytesIO(b"id,password\n")
            return {"ETag": "e", "ContentLength": 12, "Metadata": {}, "Body": body}

        return call


STATES: list[dict[str, str]] = [
    {},
    {"all": "AccessDenied"},
    {"all": "SlowDown"},
    {"all": "NoSuchKey"},
    {"get_object": "PreconditionFailed"},
    {"put_object": "PreconditionFailed"},
    {"head_object": "NoSuchKey"},
]


# Names that the function may read and write, here with line ends.
PLACE = {"bucket": MARKER, "prefix": f"runs/{MARKER}\n/"}
INPUT = {"bucket": MARKER, "key": f"in/{MARKER}\r\nx", "password_column": MARKER}
NOTHING = dict.fromkeys(("chunk", "start", "end", "row"), 0)
NAMED: list[dict[str, Any]] = [
    {"step": "plan", "run": {"operation": "hash", "input": INPUT, "output": PLACE}},
    {"step": "chunk", "output": PLACE, "item": {**NOTHING, "rows": 1}},
    {"step": "finish", "output": PLACE},
]


def shown_by_bulk(event: Any) -> list[str]:
    """As `shown`, but an answer has the run's place, which the state machine passes on."""
    from bulk.app import handler

    printed = io.StringIO()
    texts: list[str] = []
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            handler(event, Context(60.0))
        except Exception as error:
            texts = [str(error), repr(error), *traceback.format_exception(error)]
    return [*texts, printed.getvalue()]


@settings(max_examples=examples(100))
@given(
    event=st.sampled_from(GOOD_OF_BULK).flatmap(planted) | st.sampled_from(NAMED),
    state=st.sampled_from(STATES),
)
def test_nothing_of_an_event_is_quoted_by_bulk(event: Any, state: dict[str, str]) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("bulk.store.client", lambda: Store(state))
        patched.setattr("bulk.plan.measure", lambda _job, **_: (1000.0, 6))
        # Except the numbers of chunks and rows, which come from a plan.
        planned = isinstance(event, dict) and event.get("step") == "chunk"
        for text in shown_by_bulk(event):
            assert not any(form in text for form in (FORMS[:2] if planned else FORMS)), text


@pytest.mark.parametrize("marker", MARKERS)
def test_what_is_quoted_would_be_found(marker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shown with a handler that prints its input, directly and over HTTP."""
    monkeypatch.setattr("fields.kind", repr)
    over_http = {"requestContext": {}, "httpMethod": "POST", "body": json.dumps([marker])}
    for sent in ([marker], over_http):
        assert any(form in text for text in shown(sent, 0) for form in FORMS)
    assert any(form in text for text in shown_by_bulk([marker]) for form in FORMS)
