"""No password or hash is in a frame of ours that an exception has passed through."""

from __future__ import annotations

import asyncio
import inspect
import json
import signal
import threading
import time
import types
import warnings
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any

import pytest

import app
import bcrypt_batch
from bcrypt_batch import Checker
from tests.invoked import Context, over_http
from tests.processes import PATIENCE_S, PROJECT

PASSWORD = b"correct-horse-battery-staple"
HASH = bcrypt_batch.hashpw(PASSWORD, b"$2b$04$abcdefghijklmnopqrstuu")
ENDLESS = HASH.replace(b"$04$", b"$31$")
MARKS = {"password": PASSWORD, "hash": HASH, "digest": HASH[29:]}
OURS = {"bcrypt_batch", "bulk", *(file.stem for file in PROJECT.glob("handler/*.py"))}

SECRETS: dict[str, Any] = {
    "password": PASSWORD,
    "passwords": [PASSWORD, PASSWORD],
    "hash": HASH,
    "hashed_password": HASH,
    "hashes": [HASH, HASH],
    "salt": HASH,
}


class Interruption(Exception):
    pass


def fail(*_: object, **__: object) -> None:
    raise Interruption


def failing(values: list[bytes]) -> Iterator[bytes]:
    yield from values
    raise Interruption


# Values that each parameter refuses, in every function.
WRONG: dict[str, list[Any]] = {
    "password": ["text", PASSWORD * 9],
    "passwords": [PASSWORD, 5, [PASSWORD, 5], failing],
    "hash": ["text", HASH[:20], HASH.replace(b"$04$", b"$17$")],
    "hashed_password": ["text", HASH[:20]],
    "hashes": [HASH, 5, [HASH, 5], [HASH], failing],
    "salt": ["text", HASH[:20]],
    "salts": [5, [b""], [b"", b""], [5, 5]],
    "scheme": ["scrypt", HASH, HASH.decode()],
    "pepper": [PASSWORD, b"", "text"],
    "cost": [99, "4"],
    "max_cost": [3, None],
    "prefix": ["2b", HASH],
    "workers": [0, "1"],
    "lanes": [12, "1"],
    "deadline": [-1, "1"],
    "timeout": [-1, "1"],
    "progress": [5, fail],
}


def takes_secrets(name: str) -> bool:
    function = attrgetter(name)(bcrypt_batch)
    return inspect.isfunction(function) and bool(
        SECRETS.keys() & inspect.signature(function).parameters.keys()
    )


METHODS = [f"Checker.{name}" for name in dir(Checker) if not name.startswith("_")]
FUNCTIONS = [name for name in [*bcrypt_batch.__all__, *METHODS] if takes_secrets(name)]
OF_CHECKER = [name for name in FUNCTIONS if name.startswith("Checker.")]
REFUSED = [
    pytest.param(name, parameter, value, id=f"{name}-{parameter}-{i}")
    for name in FUNCTIONS
    for parameter in inspect.signature(attrgetter(name)(bcrypt_batch)).parameters
    for i, value in enumerate(WRONG.get(parameter, []))
]


def found_in(value: object, seen: dict[int, object], marks: dict[str, bytes]) -> Iterator[str]:
    """Yield the marks reachable from a value, through everything that a reporter could inspect."""
    if id(value) in seen or isinstance(value, (type, types.ModuleType)):
        return
    seen[id(value)] = value
    if isinstance(value, (bytes, bytearray, str)):
        text = value.encode() if isinstance(value, str) else value
        yield from (name for name, mark in marks.items() if mark in text)
    inside: list[object] = []
    if isinstance(value, dict):
        inside += [*value.keys(), *value.values()]
    elif isinstance(value, (list, tuple, set, frozenset)):
        inside += value
    elif isinstance(value, types.CellType):
        inside += [value.cell_contents] if value != types.CellType() else []
    elif isinstance(value, types.FrameType):
        inside += value.f_locals.values()
    else:
        names = ["__dict__", "__self__", "__closure__", "__defaults__", "__kwdefaults__"]
        names += ["cr_frame", "gi_frame", *getattr(type(value), "__slots__", ())]
        inside += [getattr(value, name, None) for name in names]
    for other in inside:
        yield from found_in(other, seen, marks)


def frames_of(error: BaseException | None) -> Iterator[types.FrameType]:
    """Yield the frames of ours that an exception and its causes have passed through."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        trace = error.__traceback__
        while trace:
            # Cython's frames have no file here.
            module = trace.tb_frame.f_globals.get("__name__", "bcrypt_batch._native")
            if module.partition(".")[0] in OURS:
                yield trace.tb_frame
            trace = trace.tb_next
        error = error.__cause__ or error.__context__


def check(call: Callable[..., object], *arguments: Any, **named: Any) -> BaseException:
    """Require that a call raises through frames of ours, from which no mark is reachable."""
    try:
        answer = call(*arguments, **named)
        if inspect.iscoroutine(answer):
            asyncio.run(answer)
    except BaseException as error:
        frames = list(frames_of(error))
        assert frames, "no frame of ours: the call had not begun"
        leaks = {(frame.f_code.co_name, *found_in(frame, {}, MARKS)) for frame in frames}
        assert {leak for leak in leaks if len(leak) > 1} == set()
        result = getattr(error, "batch_result", None)  # has the hashes made, on purpose
        assert list(found_in(result, {}, {"password": PASSWORD})) == []
        return error
    raise AssertionError("it raised nothing")


def arguments_of(name: str, **given: Any) -> dict[str, Any]:
    parameters = inspect.signature(attrgetter(name)(bcrypt_batch)).parameters
    return {key: value for key, value in SECRETS.items() if key in parameters} | given


def endless(name: str) -> dict[str, Any]:
    """Return arguments for a call of a day."""
    parameters = inspect.signature(attrgetter(name)(bcrypt_batch)).parameters
    given: dict[str, Any] = dict.fromkeys(("hash", "hashed_password", "salt"), ENDLESS)
    given |= {"hashes": [ENDLESS] * 2, "cost": 31, "max_cost": 31}
    return arguments_of(name, **{key: given[key] for key in given if key in parameters})


@pytest.fixture
def checker() -> Iterator[Checker]:
    with Checker(workers=1, lanes=1, max_waiting=0, max_cost=16) as made:
        yield made


def bound(name: str, checker: Checker) -> Callable[..., object]:
    method = name.removeprefix("Checker.")
    found: Callable[..., object] = getattr(bcrypt_batch if method == name else checker, method)
    return found


def test_all_functions_with_secrets_are_tried() -> None:
    assert len(FUNCTIONS) >= 11
    for name in FUNCTIONS:
        assert {
            parameter for tried, parameter, _ in map(attrgetter("values"), REFUSED) if tried == name
        } >= {*inspect.signature(attrgetter(name)(bcrypt_batch)).parameters} - {"self", "truncate"}


@pytest.mark.parametrize(("name", "parameter", "value"), REFUSED)
def test_refused_arguments(name: str, parameter: str, value: Any, checker: Checker) -> None:
    if value is failing:
        value = failing(SECRETS[parameter])
    check(bound(name, checker), **arguments_of(name, **{parameter: value}))


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("name", ["hash_many", "verify_many"])
def test_an_exception_out_of_progress_has_the_results_and_no_password(
    name: str, workers: int
) -> None:
    given = arguments_of(name, passwords=[PASSWORD] * 9, workers=workers, progress=fail)
    given |= {"cost": 4} if name == "hash_many" else {"hashes": [HASH] * 9}
    error = check(getattr(bcrypt_batch, name), **given)
    assert all(error.batch_result.values)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if "async" not in name])
def test_an_exception_out_of_a_signal_handler(name: str) -> None:
    """Raised in the middle of the call, not while Python enters a function."""

    def handler(_number: int, frame: types.FrameType | None) -> None:
        assert frame
        ours = frame.f_globals["__name__"].startswith("bcrypt_batch.")
        if ours and frame.f_code.co_name not in ("call", "hash_many", "verify_many"):
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise Interruption

    with Checker(workers=1, max_cost=31) as checker:
        former = signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
        try:
            error = check(bound(name, checker), **endless(name))
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, former)
        assert isinstance(error, Interruption)


@pytest.mark.parametrize("name", OF_CHECKER)
class TestCheckersWithoutAnAnswer:
    def test_full(self, name: str, checker: Checker) -> None:
        def occupy() -> None:
            with pytest.raises(bcrypt_batch.CheckerClosed):
                checker.hash(b"pw", cost=16)

        other = threading.Thread(target=occupy)
        other.start()
        give_up = time.monotonic() + PATIENCE_S
        while not checker.stats().in_flight:
            assert time.monotonic() < give_up
            time.sleep(0.001)
        error = check(bound(name, checker), **arguments_of(name))
        assert isinstance(error, bcrypt_batch.CheckerFull)
        checker.close(wait=False)
        other.join()

    def test_closed(self, name: str, checker: Checker) -> None:
        checker.close()
        error = check(bound(name, checker), **arguments_of(name))
        assert isinstance(error, bcrypt_batch.CheckerClosed)

    def test_late(self, name: str) -> None:
        with Checker(workers=1, max_cost=31) as checker:
            error = check(bound(name, checker), **endless(name), timeout=0.0)
        assert isinstance(error, bcrypt_batch.CheckerTimeout)

    @pytest.mark.parametrize("started", [0, 1])
    def test_refused_threads(self, name: str, started: int) -> None:
        """All threads, or one of two with the warning as an error."""
        checker = Checker(workers=2)
        checker._queue = types.SimpleNamespace(start=lambda: started, started=False)  # type: ignore[assignment]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            error = check(bound(name, checker), **arguments_of(name))
        assert isinstance(error, RuntimeWarning if started else bcrypt_batch.CheckerWithoutThreads)


@pytest.mark.parametrize("name", [name for name in OF_CHECKER if "async" in name])
def test_cancellation(name: str) -> None:
    async def main(checker: Checker) -> None:
        call: Any = bound(name, checker)(**endless(name))
        task = asyncio.ensure_future(call)
        while not checker.stats().in_flight:
            await asyncio.sleep(0)
        task.cancel()
        await task

    with Checker(workers=1, max_cost=31) as checker:
        assert isinstance(check(main, checker), asyncio.CancelledError)


PAIR = {"password": PASSWORD.decode(), "hash": HASH.decode()}


@pytest.mark.parametrize(
    "event",
    [
        {"passwords": [PAIR["password"], 5]},
        {"verify": [PAIR, {}]},
        {"passwords": [PAIR["password"]], "cost": 31},
        over_http(json.dumps({"verify": [PAIR]})),
    ],
    ids=["passwords", "verify", "hopeless", "over HTTP"],
)
def test_the_handler(event: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it refuses an event, and where its log fails then or after the batch."""
    if "body" not in event:
        assert isinstance(check(app.handler, event, Context()), ValueError)
    monkeypatch.setattr(app, "log", fail)
    assert isinstance(check(app.handler, event, Context()), Interruption)


def test_django(monkeypatch: pytest.MonkeyPatch) -> None:
    """The framework's own frames have both; hiding those is the framework's task."""
    pytest.importorskip("django", reason="Django is not installed (group web)")
    from django.conf import settings

    if not settings.configured:
        settings.configure()
    from bcrypt_batch.contrib import django

    closed = Checker()
    closed.close()
    monkeypatch.setattr(django, "_shared", {"checker": closed})
    error = check(django._Library.hashpw, PASSWORD, HASH)
    assert isinstance(error, bcrypt_batch.CheckerClosed)
