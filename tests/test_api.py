"""The package's public face: names, limits, type hints."""

from __future__ import annotations

import copy
import inspect
import pickle
import typing
from collections.abc import Callable
from operator import attrgetter

import pytest

import bcrypt_batch
from tests.processes import check_python

FUNCTIONS = [
    name for name in bcrypt_batch.__all__ if inspect.isroutine(getattr(bcrypt_batch, name))
]


def test_all_is_there_and_sorted_out() -> None:
    assert len(FUNCTIONS) >= 8
    assert len(set(bcrypt_batch.__all__)) == len(bcrypt_batch.__all__)
    for name in bcrypt_batch.__all__:
        assert hasattr(bcrypt_batch, name)


def test_help_and_completion_know_what_is_not_imported_yet() -> None:
    names = check_python("import bcrypt_batch; print(*dir(bcrypt_batch))").split()
    assert set(bcrypt_batch.__all__) <= set(names)


def test_limits() -> None:
    limits = (
        (bcrypt_batch.MIN_COST, 4),
        (bcrypt_batch.MAX_COST, 31),
        (bcrypt_batch.DEFAULT_MAX_COST, 16),
        (bcrypt_batch.MAX_LANES, 11),
        (bcrypt_batch.MAX_PASSWORD_BYTES, 72),
        (bcrypt_batch.MAX_WORKERS, 1024),
        (bcrypt_batch.PREFIXES, (b"2a", b"2b", b"2y")),
    )
    for exported, expected in limits:
        assert exported == expected


@pytest.mark.parametrize(
    ("name", "built_in"),
    [
        ("CheckerAway", ConnectionError),
        ("CheckerClosed", RuntimeError),
        ("CheckerFull", RuntimeError),
        ("CheckerTimeout", TimeoutError),
        ("CheckerWithoutThreads", RuntimeError),
    ],
)
def test_exceptions_share_a_base_and_are_built_in_ones_too(
    name: str, built_in: type[Exception]
) -> None:
    bases = bcrypt_batch.CheckerError, bcrypt_batch.BcryptBatchError, built_in
    assert all(issubclass(getattr(bcrypt_batch, name), base) for base in bases)


def test_all_exceptions_that_are_exported_share_the_base() -> None:
    exported = [getattr(bcrypt_batch, name) for name in bcrypt_batch.__all__]
    errors = [one for one in exported if inspect.isclass(one) and issubclass(one, BaseException)]
    assert len(errors) >= 6
    assert all(issubclass(error, bcrypt_batch.BcryptBatchError) for error in errors)


METHODS = [
    f"{kind.__name__}.{name}"
    for kind in (bcrypt_batch.Checker, bcrypt_batch.SharedChecker)
    for name, _ in inspect.getmembers(kind, inspect.isfunction)
    if not name.startswith("_")
]


@pytest.mark.parametrize("name", [*FUNCTIONS, *METHODS])
def test_type_hints_resolve(name: str) -> None:
    """Frameworks that build forms or check calls ask for them."""
    function = attrgetter(name)(bcrypt_batch)
    hints = typing.get_type_hints(function)
    assert set(hints) == {*inspect.signature(function).parameters, "return"} - {"self"}
    assert not any(isinstance(hint, str) for hint in hints.values())


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_checker_is_not_copied(copied: Callable[[object], object]) -> None:
    """multiprocessing pickles what it sends to another process."""
    for checker in (bcrypt_batch.Checker(), bcrypt_batch.SharedChecker("/nowhere")):
        with checker, pytest.raises(TypeError, match="make one in each process"):
            copied(checker)
