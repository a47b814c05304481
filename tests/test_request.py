"""Events that are refused: each message names the fault, and none quotes the event."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import app
from fields import InvalidEvent
from request import FIELDS, Request
from tests.examples import examples
from tests.invoked import call

SECRET = "hunter2-very-secret"
FULL_LIST = ", ".join(map(repr, FIELDS))
COUNT = "count must be a whole number from 1 to 1000"


@pytest.fixture(autouse=True)
def _two_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same worker count on every machine."""
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
        ({"count": 2.5}, f"{COUNT}, not a floating-point number"),
        ({"count": 1e300}, f"{COUNT}; it is out of that range"),
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
            {"count": 1, "lanes": 12},
            "lanes must be a whole number from 1 to 11; it is out of that range",
        ),
        (
            {"count": 1, "lanes": None},
            "lanes must be a whole number from 1 to 11, not null",
        ),
        (
            {"count": 1, "mode": "sequential", "workers": 2},
            "workers does not go with mode 'sequential', which is one item at a time",
        ),
        (
            {"count": 1, "mode": "sequential", "lanes": 4},
            "lanes does not go with mode 'sequential', which is one item at a time",
        ),
        ({"count": 1, "partial": 1}, "partial must be true or false, not a number"),
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
    assert len(Request(most, 1).passwords) == 1000


junk = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 1002) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)
pair = st.fixed_dictionaries({"password": st.text(max_size=80) | junk, "hash": junk})


@settings(max_examples=examples(100))
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
    """Without time left, so that no event's cost is computed."""
    try:
        answer = call(event, remaining_ms=0)
    except InvalidEvent:
        return
    json.dumps(answer)
    assert answer["processed"] == 0


def test_a_lone_item_is_computed_alone_unless_the_worker_is_shared() -> None:
    event = {"count": 1}
    modes = [Request(event, workers, shared).mode for workers in (1, 2) for shared in (False, True)]
    assert modes == ["sequential", "parallel", "parallel", "parallel"]
