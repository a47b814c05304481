"""The tests of the toy project of test_mutants.py, where this is test_toy.py."""

from pathlib import Path

import pytest
import toy  # type: ignore[import-not-found]


def test_answer() -> None:
    assert toy.ANSWER == 42


def test_turns() -> None:
    turns = toy.TURNS
    while turns != 1:
        pass


@pytest.mark.parametrize("source", ["toy.c"])
def test_source(source: str) -> None:
    assert "1" in Path(f"ext/{source}").read_text()


def test_question() -> None:
    assert toy.QUESTION == 42


def test_skipped() -> None:
    pytest.skip("no reason")
