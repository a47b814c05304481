"""The bulk function carries out any event, or refuses it with one of its own errors."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from bcrypt_batch.tables.compute import Job
from tests.bulk.engine import Context
from tests.examples import examples
from tests.planted import FORMS, planted

OUTPUT = {"bucket": "tables", "prefix": "runs/r/"}
ITEM = {"chunk": 0, "start": 12, "end": 40, "row": 0, "rows": 3}
RUN = {
    "operation": "hash",
    "input": {"bucket": "tables", "key": "in/users.csv", "format": "csv", "delimiter": ",",
              "dialect": "csv", "nulls": ["NULL"], "encoding": "utf-8",
              "password_column": "password", "id_column": "id", "keep": ["mail"]},
    "output": OUTPUT,
    "cost": 12, "prefix": "2b", "truncate": True, "allow_empty": True, "hash_anyway": True,
    "chunk_rows": 100, "concurrency": 10,
}  # fmt: skip
GOOD = [
    {"step": "plan", "run": RUN},
    {"step": "chunk", "output": OUTPUT, "item": ITEM},
    {"step": "finish", "output": OUTPUT},
]


class Denied:
    """S3 for a caller without any permission."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**_: Any) -> Any:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, name)

        return call


@pytest.fixture(autouse=True)
def _denied(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("boto3", reason="boto3 is not installed (group tables)")
    monkeypatch.setattr("bulk.store.client", Denied)


def came_of(event: Any) -> Any:
    """Return the answer, or the name of an error; the log must quote nothing of the event."""
    from bulk.app import handler
    from bulk.errors import KNOWN

    said, message = io.StringIO(), ""
    answer: Any
    with contextlib.redirect_stdout(said):
        try:
            answer = handler(event, Context(60.0))
        except KNOWN as error:
            answer, message = type(error).__name__, str(error)
    assert answer != "StepFailed", message
    assert len(message) < 300
    assert not any(form in said.getvalue() for form in FORMS)
    return answer


@pytest.mark.parametrize("event", GOOD, ids=["plan", "chunk", "finish"])
def test_what_is_planted_in_is_good_before(event: Any) -> None:
    assert came_of(event) == "StoreDenied"


def test_each_option_of_a_job_is_a_field() -> None:
    """An option that only the command line knows would be refused after the upload."""
    from bulk.start import FIELDS

    assert {*Job._fields} - {*FIELDS} == {"workers"}  # the function's own


@settings(max_examples=examples(100))
@given(event=st.sampled_from(GOOD).flatmap(planted))
def test_any_event(event: Any) -> None:
    came_of(event)


@settings(max_examples=examples(100))
@given(
    number=st.sampled_from(
        [float("nan"), float("inf"), -1, 10**40, 1e300, True, None, "7", [7], {}]
    ),
    field=st.sampled_from([*ITEM, "cost", "chunk_rows", "concurrency"]),
)
def test_numbers_that_are_none(number: Any, field: str) -> None:
    assert isinstance(
        came_of({"step": "chunk", "output": OUTPUT, "item": {**ITEM, field: number}}), str
    )
    assert isinstance(came_of({"step": "plan", "run": {**RUN, field: number}}), str)
