"""Events that are refused: each message names what to mend, and none quotes the event."""

from __future__ import annotations

import base64
import contextlib
import copy
import io
import json
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import app
from request import FIELDS, InvalidEvent, parse
from tests.examples import examples
from tests.invoked import call, event

SECRET = "hunter2-very-secret"
FULL_LIST = ", ".join(map(repr, FIELDS))
COUNT = "count must be a whole number from 1 to 1000"


@pytest.fixture(autouse=True)
def _two_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine has."""
    monkeypatch.setattr(app, "WORKERS", 2)


def verify(**pair: Any) -> dict[str, Any]:
    return {"verify": [{"password": "", "hash": "", **pair}]}


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (None, "the event must be a JSON object, not null"),
        ([], "the event must be a JSON object, not a list"),
        (SECRET, "the event must be a JSON object, not a string"),
        (7, "the event must be a JSON object, not a number"),
        ({}, "exactly one of 'count', 'passwords', 'verify' is needed, not none of them"),
        (
            {"count": 1, "passwords": [SECRET]},
            "exactly one of 'count', 'passwords', 'verify' is needed, not 'count', 'passwords'",
        ),
        ({"count": 1, SECRET: 1}, f"the event has 1 unknown field; the fields are {FULL_LIST}"),
        ({SECRET: 1, "": 2}, f"the event has 2 unknown fields; the fields are {FULL_LIST}"),
        (
            {"mode": SECRET, "count": 1},
            "mode must be one of 'sequential', 'parallel', 'auto', not another string",
        ),
        (
            {"mode": None, "count": 1},
            "mode must be one of 'sequential', 'parallel', 'auto', not null",
        ),
        (
            {"mode": [SECRET], "count": 1},
            "mode must be one of 'sequential', 'parallel', 'auto', not a list",
        ),
        ({"count": 0}, f"{COUNT}; it is out of that range"),
        ({"count": 1001}, f"{COUNT}; it is out of that range"),
        ({"count": "20"}, f"{COUNT}, not a string"),
        ({"count": "hunter2"}, f"{COUNT}, not a string"),
        ({"count": True}, f"{COUNT}, not a boolean"),
        ({"count": 2.0}, f"{COUNT}, not a floating-point number"),
        ({"count": None}, f"{COUNT}, not null"),
        ({"count": {SECRET: SECRET}}, f"{COUNT}, not an object"),
        ({"passwords": SECRET}, "passwords must be a list, not a string"),
        ({"passwords": []}, "passwords must have from 1 to 1000 entries, not 0"),
        ({"passwords": [SECRET] * 1001}, "passwords must have from 1 to 1000 entries, not 1001"),
        ({"passwords": [SECRET, 7]}, "passwords[1] must be a string, not a number"),
        (
            {"passwords": [float("nan")]},
            "passwords[0] must be a string, not a floating-point number",
        ),
        ({"passwords": [[SECRET]]}, "passwords[0] must be a string, not a list"),
        (
            {"count": 1, "encoding": SECRET},
            "encoding must be one of 'utf-8', 'base64', not another string",
        ),
        (
            {"count": 1, "cost": 3},
            "cost must be a whole number from 4 to 31; it is out of that range",
        ),
        (
            {"count": 1, "cost": 32},
            "cost must be a whole number from 4 to 31; it is out of that range",
        ),
        (
            {"count": 1, "prefix": "2x"},
            "prefix must be one of '2a', '2b', '2y', not another string",
        ),
        ({"count": 1, "prefix": 2}, "prefix must be one of '2a', '2b', '2y', not a number"),
        (
            {"count": 1, "workers": 0},
            "workers must be a whole number from 1 to 2, all that this function has; "
            "it is out of that range",
        ),
        (
            {"count": 1, "workers": 3},
            "workers must be a whole number from 1 to 2, all that this function has; "
            "it is out of that range",
        ),
        (
            {"count": 1, "workers": SECRET},
            "workers must be a whole number from 1 to 2, all that this function has, not a string",
        ),
        (
            {"count": 1, "lanes": 9},
            "lanes must be a whole number from 1 to 8; it is out of that range",
        ),
        (
            {"count": 1, "lanes": None},
            "lanes must be a whole number from 1 to 8, not null",
        ),
        (
            {"count": 1, "mode": "sequential", "workers": 2},
            "workers does not go with mode 'sequential', which is one item at a time",
        ),
        (
            {"count": 1, "mode": "sequential", "lanes": 4},
            "lanes does not go with mode 'sequential', which is one item at a time",
        ),
        (
            {"count": 1, "partial": True},
            "partial goes with verify only: it is for hashes to check",
        ),
        (
            verify(password="x", hash="y") | {"partial": 1},
            "partial must be true or false, not a number",
        ),
        (
            {"count": 1, "deadline_ms": -1},
            "deadline_ms must be a whole number from 0 to 900000; it is out of that range",
        ),
        (
            {"count": 1, "deadline_ms": 900_001},
            "deadline_ms must be a whole number from 0 to 900000; it is out of that range",
        ),
        (
            {"count": 1, "deadline_ms": 1.5},
            "deadline_ms must be a whole number from 0 to 900000, not a floating-point number",
        ),
        (
            {"count": 1, "deadline_ms": None},
            "deadline_ms must be a whole number from 0 to 900000, not null",
        ),
        ({"count": 1, "truncate": "yes"}, "truncate must be true or false, not a string"),
        ({"count": 1, "truncate": 1}, "truncate must be true or false, not a number"),
        ({"count": 1, "truncate": None}, "truncate must be true or false, not null"),
        (
            {**verify(), "max_cost": 3},
            "max_cost must be a whole number from 4 to 31; it is out of that range",
        ),
        (
            {**verify(), "max_cost": 32},
            "max_cost must be a whole number from 4 to 31; it is out of that range",
        ),
        (
            {**verify(), "max_cost": SECRET},
            "max_cost must be a whole number from 4 to 31, not a string",
        ),
        (
            {"count": 1, "max_cost": 12},
            "max_cost goes with verify only: it is for hashes to check",
        ),
        ({"verify": {}}, "verify must be a list, not an object"),
        ({"verify": [SECRET]}, "verify[0] must be an object of a password and a hash"),
        (
            {"verify": [{"password": SECRET}]},
            "verify[0] must be an object of a password and a hash",
        ),
        (verify(**{SECRET: 1}), "verify[0] must be an object of a password and a hash"),
        (verify(hash=1), "verify[0].hash must be a string, not a number"),
        (verify(password=[SECRET]), "verify[0].password must be a string, not a list"),
        ({**verify(), "cost": 4}, "cost does not go with verify: each hash brings its own"),
        ({**verify(), "prefix": "2a"}, "prefix does not go with verify: each hash brings its own"),
    ],
)
def test_a_bad_event_is_named(event: Any, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InvalidEvent) as caught:
        call(event)
    assert str(caught.value) == message
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {"request_id": "request-1", "error": message}


@pytest.mark.parametrize(
    "most", [{"count": 1000}, {"passwords": [""] * 1000}, {"verify": verify()["verify"] * 1000}]
)
def test_as_many_items_as_there_may_be(most: dict[str, Any]) -> None:
    assert len(parse(most, 1).passwords) == 1000


junk = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 1002) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)
pair = st.fixed_dictionaries({"password": st.text(max_size=80) | junk, "hash": junk})


@settings(max_examples=examples(300))
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
            "max_cost": junk,
            "encoding": st.sampled_from(["utf-8", "base64"]) | junk,
            "truncate": st.booleans() | junk,
            "workers": st.integers(1, 2) | st.text(max_size=2),
            "lanes": junk,
            "deadline_ms": junk,
            "partial": st.booleans() | junk,
        },
    )
)
def test_any_event_is_answered_or_refused(event: dict[str, Any]) -> None:
    """With no time left, so that nothing is computed whatever cost the event asks for."""
    try:
        answer = call(event, remaining_ms=0)
    except InvalidEvent:
        return
    json.dumps(answer)
    assert answer["processed"] == 0


# Everything that an event can have, in events that are good until something is planted in them.
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

MARKER = "hunter2"
MARKERS: list[Any] = [
    MARKER,
    f"{MARKER}\ud800",  # neither UTF-8
    f"$2b$04${MARKER}",
    base64.b64encode(MARKER.encode()).decode(),
    base64.b64encode(MARKER.encode()).decode().rstrip("="),
    8675309,
    -8675309,
    8675309.25,
]
FORMS = (MARKER, "aHVudGVyMg", "8675309")  # what may be seen of none of them


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to each value within a JSON value."""
    yield path
    if isinstance(value, (dict, list)):
        for key, below in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(below, (*path, key))


@st.composite
def planted(draw: st.DrawFn, good: Any) -> Any:
    """A marker in the place of a value, within one, or as a name; anywhere."""
    marker = draw(st.sampled_from(MARKERS))
    value = draw(st.sampled_from([marker, [marker], {"password": marker}, {str(marker): 1}]))
    event = copy.deepcopy(good)
    path = draw(st.sampled_from(list(places(event))))
    if not path:
        return value
    parent = event
    for key in path[:-1]:
        parent = parent[key]
    if isinstance(parent, dict) and draw(st.booleans()):
        parent[str(marker)] = parent.pop(path[-1]) if draw(st.booleans()) else value
    else:
        parent[path[-1]] = value
    return event


@st.composite
def sendings(draw: st.DrawFn) -> Any:
    """An event, perhaps in an HTTP request whose body, or whatever else, is broken."""
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
    """Return all that is seen of an event: what is printed, the answer or the error, its chain."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            answer = call(event, remaining_ms)
            texts = [json.dumps(answer), str(answer)]
        except InvalidEvent as error:
            chain = [error, error.__cause__, error.__context__]
            texts = [*map(str, chain), *map(repr, chain), *traceback.format_exception(error)]
    return [*texts, printed.getvalue()]


@settings(max_examples=examples(1000))
@given(event=sendings(), remaining_ms=st.sampled_from([0, int(app.MARGIN_S * 1000) + 50]))
def test_nothing_of_an_event_is_quoted(event: Any, remaining_ms: int) -> None:
    for text in shown(event, remaining_ms):
        assert not any(form in text for form in FORMS)


@pytest.mark.parametrize("marker", MARKERS)
def test_what_is_quoted_would_be_found(marker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a handler that says what it was given, be it over HTTP."""
    monkeypatch.setattr("request._kind", repr)
    over_http = {"requestContext": {}, "body": json.dumps([marker])}
    for sent in ([marker], over_http):
        assert any(form in text for text in shown(sent, 0) for form in FORMS)
