"""Hostile events: each is refused with the field's name and without its value.

They are text, as they arrive: the runtime parses an event, the handler an HTTP body.
"""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest

from fields import InvalidEvent
from tests.invoked import call, over_http

SECRET = "hunter2"
MB = 2**20
MESSAGE_CHARS = 200  # a message fits on a screen

# JSON values that no field accepts; "field" stands for the field's name in an event.
NUMBERS = {
    "NaN": "NaN",
    "infinite": "-Infinity",
    "beyond a double": "8675309e999",
    "negative": "-8675309",
    "of 64 bits and more": "8675309" + 20 * "0",
    "of 4000 digits": "8675309" * 571,
    "a fraction": "8675309.5",
    "not whole in form": "8675309e0",
}
VALUES = {
    **NUMBERS,
    "null": "null",
    "a list": f'["{SECRET}"]',
    "an object": f'{{"{SECRET}": "{SECRET}"}}',
    "a string": f'"{SECRET}"',
    "a string of 5 MB": f'"{SECRET * (5 * MB // 7)}"',
    "deep lists": "[" * 900 + f'"{SECRET}"' + "]" * 900,
    "deep objects": '{"a":' * 900 + f'"{SECRET}"' + "}" * 900,
}
FIELDS = {
    "mode": '{"count": 1, "mode": %s}',
    "count": '{"count": %s}',
    "passwords": '{"passwords": %s}',
    "passwords[1]": '{"passwords": ["", %s]}',
    "verify": '{"verify": %s}',
    "verify[0]": '{"verify": [%s]}',
    "verify[0].password": '{"verify": [{"password": %s, "hash": ""}]}',
    "verify[0].hash": '{"verify": [{"hash": %s, "password": ""}]}',
    "cost": '{"count": 1, "cost": %s}',
    "prefix": '{"count": 1, "prefix": %s}',
    "max_cost": '{"verify": [{"password": "", "hash": ""}], "max_cost": %s}',
    "encoding": '{"passwords": [""], "encoding": %s}',
    "truncate": '{"count": 1, "truncate": %s}',
    "workers": '{"count": 1, "workers": %s}',
    "lanes": '{"count": 1, "lanes": %s}',
    "deadline_ms": '{"count": 1, "deadline_ms": %s}',
    "partial": '{"verify": [{"password": "", "hash": ""}], "partial": %s}',
}
# Passwords and hashes may be any string, or missing.
GOOD = {
    (field, value)
    for field in ("passwords[1]", "verify[0].password", "verify[0].hash")
    for value in ("null", "a string", "a string of 5 MB")
} | {("passwords", "a list")}
MADE = [
    (field, FIELDS[field] % VALUES[value], f"{field}: {value}")
    for field, value in product(FIELDS, VALUES)
    if (field, value) not in GOOD
]
OTHERS = [
    ("count", '{"count": 1001}', "one too many"),
    ("count", '{"count": 20, "count": 8675309}', "the last of two of one name is what counts"),
    ("passwords", json.dumps({"passwords": [SECRET] * 1001}), "1001 passwords"),
    ("verify", json.dumps({"verify": [{"password": SECRET, "hash": ""}] * 1001}), "1001 hashes"),
    ("1 unknown field", f'{{"count": 1, "{SECRET * (5 * MB // 7)}": 1}}', "a name of 5 MB"),
    (
        "70000 unknown fields",
        json.dumps({"count": 1} | {f"{SECRET}{i}": i for i in range(70_000)}),
        "names",
    ),
    ("'count', 'passwords'", '{"count": 1, "passwords": ["hunter2"]}', "two sources"),
]


@pytest.mark.parametrize(
    ("named", "text"),
    [case[:2] for case in MADE + OTHERS],
    ids=[case[2] for case in MADE + OTHERS],
)
def test_it_is_refused_by_name(named: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(text) < 6 * MB  # Lambda's limit
    with pytest.raises(InvalidEvent) as caught:
        call(json.loads(text))
    message = str(caught.value)
    answer = call(over_http(text))
    assert answer["statusCode"] == 400
    assert json.loads(answer["body"])["error"]["message"] == message
    assert named in message
    assert len(message) < MESSAGE_CHARS
    for seen in (message, answer["body"], capsys.readouterr().out):
        assert SECRET not in seen
        assert "8675309" not in seen


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("[" * (6 * MB), "deeper than a parser goes"),
        ('{"count": ' + "9" * 100_000 + "}", "more digits than Python converts"),
        ('{"count": 1', "cut off"),
        ('{"count": 1}}', "something after it"),
        ("\0" * MB, "no text"),
    ],
)
def test_a_body_that_is_no_json(body: str, why: str) -> None:
    answer = call(over_http(body))
    assert answer["statusCode"] == 400, why
    assert "the request's body must be a JSON object" in answer["body"]


LONG = "x" * 6000


@pytest.mark.parametrize(
    "made",
    [
        {"passwords": [LONG] * 999, "cost": 4},
        {"passwords": [SECRET * (5 * MB // 7)], "cost": 4},
        {"verify": [{"password": LONG, "hash": ""}] * 999},
        {"verify": [{"password": "", "hash": "$2b$04$" + LONG}] * 999},
        {"verify": [{"password": "", "hash": "$2b$31$" + 53 * "."}] * 999},
    ],
)
def test_6_mb_that_are_an_event(made: dict[str, Any]) -> None:
    """The items are refused one by one, and the answer is below Lambda's limit."""
    answer = call(json.loads(json.dumps(made)))
    items = made.get("passwords") or made["verify"]
    assert len(answer["errors"]) == len(items)
    assert answer["processed"] == 0
    assert len(json.dumps(answer)) < MB
    assert SECRET not in json.dumps(answer)


def test_a_name_given_twice_counts_once() -> None:
    """The last one counts, valid or not, as in other JSON parsers."""
    assert len(call(json.loads('{"count": 8675309, "count": 2, "cost": 4}'))["hashes"]) == 2
