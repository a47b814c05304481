"""Keep passwords and hashes out of the frames of this package in a traceback.

Error reporters send the local variables of all frames of a traceback.
"""

from __future__ import annotations

from . import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any, ParamSpec, TypeVar

    P = ParamSpec("P")
    T = TypeVar("T")
    F = TypeVar("F")


def forgetful(function: Callable[P, T]) -> Callable[P, T]:
    """Wrap a function with secret arguments: exceptions keep no locals of this package's frames."""

    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            del args, kwargs
            _native.forget_locals(error)
            raise

    return _like(call, function)


def forgetful_coroutine(
    function: Callable[P, Coroutine[Any, Any, T]],
) -> Callable[P, Coroutine[Any, Any, T]]:
    """`forgetful` for a coroutine function."""

    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await function(*args, **kwargs)
        except BaseException as error:
            del args, kwargs
            _native.forget_locals(error)
            raise

    return _like(call, function)


def _like(call: F, function: F) -> F:
    """Make a wrapper look like its function, without functools, which slows cold starts."""
    for name in ("__module__", "__name__", "__qualname__", "__doc__", "__annotations__"):
        setattr(call, name, getattr(function, name))
    vars(call)["__wrapped__"] = function  # inspect and typing show the signature of `function`
    return call
