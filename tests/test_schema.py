"""events/schema.json accepts the events that the parser accepts, and every answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import event as note
from hypothesis import given, settings
from hypothesis import strategies as st

import app
import bcrypt_batch
from bcrypt_batch.schemes import TO_HASH, TO_VERIFY, WITHOUT_PEPPER
from fields import InvalidEvent
from request import FIELDS, SOURCES, Request
from tests.examples import examples
from tests.invoked import EVENTS, call

jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed (group test)")

SCHEMA = json.loads((EVENTS / "schema.json").read_text())
WORKERS = 1024  # the schema's limit: it can't know the function's


def validator(name: str) -> Any:
    return jsonschema.Draft202012Validator({**SCHEMA, "$ref": f"#/$defs/{name}"})


REQUEST, ANSWER = validator("request"), validator("answer")

TEXT = st.none() | st.text(max_size=4)
FRACTIONS = st.sampled_from([0.5, -1.5, 4.25, 999.5])
EDGES = (-1, 0, 1, 3, 4, 11, 12, 31, 32, 1000, 1001, 1024, 1025, 900_000, 900_001)
NUMBERS = st.sampled_from(EDGES) | st.sampled_from(EDGES).map(float) | st.integers()
VALUES = st.none() | st.booleans() | NUMBERS | FRACTIONS | st.text(max_size=3)
JUNK: st.SearchStrategy[Any] = (
    VALUES | st.lists(VALUES, max_size=2) | st.dictionaries(st.text(max_size=3), VALUES, max_size=2)
)
PAIR = st.fixed_dictionaries({"password": TEXT, "hash": TEXT}) | JUNK
GOOD: dict[str, st.SearchStrategy[Any]] = {
    "mode": st.sampled_from(["sequential", "parallel", "auto"]),
    "count": st.integers(1, 1000),
    "passwords": st.lists(TEXT, min_size=1, max_size=3),
    "verify": st.lists(PAIR, max_size=3),
    "cost": st.integers(4, 31),
    "prefix": st.sampled_from(["2a", "2b", "2x", "2y"]),
    "max_cost": st.integers(4, 31),
    "scheme": st.sampled_from(sorted({*TO_HASH, *TO_VERIFY})),
    "encoding": st.sampled_from(["utf-8", "base64"]),
    "truncate": st.booleans(),
    "workers": st.integers(1, 1024),
    "lanes": st.integers(1, 11),
    "deadline_ms": st.integers(0, 900_000),
    "partial": st.booleans(),
}


def test_the_most_lanes_are_the_package_s() -> None:
    for name in ("request", "answer"):
        lanes = SCHEMA["$defs"][name]["properties"]["lanes"]
        assert lanes["maximum"] == bcrypt_batch.MAX_LANES, name


def test_the_schemes_are_the_package_s() -> None:
    request = SCHEMA["$defs"]["request"]
    assert {*request["properties"]["scheme"]["enum"]} == {*TO_HASH, *WITHOUT_PEPPER}
    for branch, names in (("then", WITHOUT_PEPPER), ("else", TO_HASH)):
        assert {*request[branch]["properties"]["scheme"]["enum"]} == {*names}


@st.composite
def events(draw: st.DrawFn) -> Any:
    """An event, mostly with one source, and with a few fields, most of them valid."""
    if draw(st.integers(0, 19)) == 0:
        return draw(JUNK)
    names = draw(st.lists(st.sampled_from(SOURCES), min_size=1, max_size=1 + draw(st.booleans())))
    others = [name for name in FIELDS if name not in SOURCES]
    names += draw(st.lists(st.sampled_from(others), max_size=4))
    made = {name: draw(JUNK if draw(st.integers(0, 9)) == 0 else GOOD[name]) for name in names}
    if draw(st.integers(0, 19)) == 0:
        made[draw(st.text(max_size=5))] = draw(JUNK)
    return made


def taken(event: Any) -> bool:
    try:
        Request(event, WORKERS)
    except InvalidEvent:
        return False
    return True


def test_it_is_a_schema_of_every_field() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert {*SCHEMA["$defs"]["request"]["properties"]} == {*FIELDS} == {*GOOD}


@settings(max_examples=examples(100), deadline=None)
@given(event=events())
def test_what_one_takes_the_other_takes(event: Any) -> None:
    answer = taken(event)
    note("taken" if answer else "refused")
    assert REQUEST.is_valid(event) == answer


@pytest.mark.parametrize("source", ["passwords", "verify"])
@pytest.mark.parametrize("count", [0, 1, 1000, 1001])
def test_how_many_items(source: str, count: int) -> None:
    item = {"password": "", "hash": ""} if source == "verify" else ""
    event = {source: [item] * count}
    assert REQUEST.is_valid(event) == taken(event) == (1 <= count <= 1000)


HASH = "$2b$04$" + "." * 53
ANSWERED: list[dict[str, Any]] = [
    {"count": 3, "cost": 4, "mode": "sequential"},
    {"passwords": ["a", None, "x" * 73, "Zg"], "cost": 4, "encoding": "base64"},
    {"passwords": ["a"], "cost": 5, "prefix": "2y", "deadline_ms": 0, "partial": True},
    {
        "verify": [
            {"password": "a", "hash": HASH},
            {"password": None, "hash": "$2b$05$" + "." * 53},
            {"password": "a", "hash": None},
            {"password": "a", "hash": "no hash"},
            {"password": "a", "hash": "$2b$20$" + "." * 53},
        ]
    },
    {
        "verify": [{"password": "a", "hash": HASH}],
        "deadline_ms": 0,
        "partial": True,
    },
    {
        "verify": [
            {"password": "a", "hash": text} for text in ("$wp" + HASH, "$6$a$b", None, "no hash")
        ],
        "scheme": "auto",
    },
    *({"passwords": ["a", "x" * 73], "cost": 4, "scheme": name} for name in TO_HASH),
]


@pytest.mark.parametrize("event", ANSWERED)
def test_answers(event: dict[str, Any]) -> None:
    answer = json.loads(json.dumps(call(event)))
    ANSWER.validate(answer)
    assert {*answer} <= {*SCHEMA["$defs"]["answer"]["properties"]}


@settings(max_examples=examples(200), deadline=None)
@given(event=events())
def test_any_answer(event: Any) -> None:
    """Without time left, so that no event's cost is computed."""
    if isinstance(event, dict):
        event.pop("workers", None)
    try:
        answer = call(event, remaining_ms=0)
    except InvalidEvent:
        return
    ANSWER.validate(json.loads(json.dumps(answer)))
    assert answer["workers"] <= app.WORKERS
