"""What results are taken for: never for an answer, which would sign everybody in."""

from __future__ import annotations

import copy
import json
import operator
import re
from collections.abc import Callable
from typing import Any

import pytest

from bcrypt_batch import BatchResult, Checker, hash_many, hashpw, verify_many

HASHED = hashpw(b"pw", b"$2b$04$" + b"." * 22)
RESULTS: list[BatchResult[Any]] = [
    verify_many([b"pw"], [HASHED]),
    verify_many([b"wrong"], [HASHED]),
    verify_many([], []),
    verify_many([b"pw"], [HASHED], deadline=0),
    hash_many([b"pw"], cost=4),
]
ASKED: list[Callable[[Any], object]] = [
    bool,
    operator.not_,
    lambda result: result and True,
    lambda result: result or True,
    *(lambda result, said=said: result == said for said in (True, False)),
    *(lambda result, said=said: result != said for said in (True, False)),
    lambda result: True in [result],
]


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("result", RESULTS)
def test_a_result_is_neither_true_nor_false(
    result: BatchResult[Any], asked: Callable[[Any], object]
) -> None:
    with pytest.raises(ValueError, match=r"all\(result\.values\) says .* None where its item was"):
        asked(result)


def test_a_result_is_still_an_object() -> None:
    result, other = RESULTS[:2]
    assert result == result
    assert result != other
    assert result != copy.copy(result)
    assert result != [True]
    assert {result: 1, other: 2}[result] == 1
    assert [result, other].index(other) == 1


def test_what_is_not_done_does_not_match() -> None:
    pairs = [b"pw", b"pw"], [HASHED, None]
    assert verify_many([b"pw"] * 2, [HASHED] * 2).values == [True, True]
    assert not all(verify_many(*pairs).values)
    assert not all(verify_many([b"pw"], [HASHED], deadline=0).values)


def test_figures_as_json() -> None:
    """All that the documentation of a class names, and what its attributes say."""
    with Checker() as checker:
        checker.hash(b"pw", cost=4)
        for stats in (RESULTS[0].stats, checker.stats()):
            figures = json.loads(json.dumps(stats.as_dict()))
            assert {*figures} == {*re.findall(r"^ +(\w+): ", type(stats).__doc__ or "", re.M)}
            assert all(getattr(stats, name) == figure for name, figure in figures.items())
