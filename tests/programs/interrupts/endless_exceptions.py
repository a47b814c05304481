from __future__ import annotations

from typing import NoReturn

from bcrypt_batch import _native

calls: list[int] = []


def make() -> NoReturn:
    calls.append(1)
    raise KeyError(len(calls))


def memory() -> NoReturn:
    raise MemoryError


try:
    _native.hand_over(ValueError("first"), make)
except KeyError as error:
    assert len(calls) == error.args[0] > 10
try:
    _native.hand_over(ValueError("first"), memory)
except ValueError as error:
    assert not hasattr(error, "batch_result")
