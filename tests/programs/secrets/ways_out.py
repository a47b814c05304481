"""Leave computations in every way, and print a line after each; a byte of input lets it go on.

The password comes first on standard input. All hashes have the setting that the test uses.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import bcrypt_batch
from bcrypt_batch import Checker, CheckerTimeout

PASSWORD = sys.stdin.buffer.read(40)
SETTING = b"$2b$04$" + b"." * 22
OTHER = SETTING + b"." * 31  # no password's hash, so that Python itself has no text of the digest
ENDLESS = OTHER.replace(b"$04$", b"$31$")


class Interruption(Exception):
    pass


def raise_interruption(*_: object) -> None:
    raise Interruption


def interrupted(call: Callable[..., object], *arguments: Any, **options: Any) -> None:
    former = signal.signal(signal.SIGALRM, raise_interruption)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with suppress(Interruption):
            call(*arguments, **options)
    finally:
        signal.signal(signal.SIGALRM, former)


def batches(workers: int) -> None:
    many = [PASSWORD] * 8
    options: dict[str, Any] = {"cost": 4, "salts": [bytes(16)] * 8, "workers": workers}
    bcrypt_batch.hash_many(many, **options)
    bcrypt_batch.verify_many(many, [OTHER] * 8, workers=workers)
    with suppress(Interruption):
        bcrypt_batch.hash_many(many, **options, progress=raise_interruption)
    with suppress(Interruption):
        bcrypt_batch.verify_many(many, [OTHER] * 8, workers=workers, progress=raise_interruption)
    mixed = [OTHER, ENDLESS] * 4
    bcrypt_batch.verify_many(many, mixed, max_cost=31, workers=workers, deadline=0.05)


def single() -> None:
    bcrypt_batch.hashpw(PASSWORD, SETTING)
    report("hashpw")  # at once: what runs later overwrites the stack
    bcrypt_batch.checkpw(PASSWORD, OTHER)
    report("checkpw")
    interrupted(bcrypt_batch.hashpw, PASSWORD, ENDLESS)


def checkers() -> None:
    with Checker(workers=2, max_cost=31) as checker:
        checker.check(PASSWORD, OTHER)
        report("a checker's call")
        checker.hash_under(PASSWORD, SETTING)
        with suppress(CheckerTimeout):
            checker.check(PASSWORD, ENDLESS, timeout=0.05)
        interrupted(checker.check, PASSWORD, ENDLESS)
        checker.check(PASSWORD, OTHER)


async def coroutines() -> None:
    with Checker(workers=1, max_cost=31) as checker:
        await checker.check_async(PASSWORD, OTHER)
        with suppress(CheckerTimeout):
            await checker.check_async(PASSWORD, ENDLESS, timeout=0.05)
        call = asyncio.ensure_future(checker.check_async(PASSWORD, ENDLESS))
        while not checker.stats().in_flight:
            await asyncio.sleep(0)
        call.cancel()
        with suppress(asyncio.CancelledError):
            await call
        call = asyncio.ensure_future(checker.check_async(PASSWORD, OTHER))
        await asyncio.sleep(0)
        while checker.stats().finished < 2:
            time.sleep(0.001)
        call.cancel()  # the answer has come, and nobody has taken it
        with suppress(asyncio.CancelledError):
            await call


def report(what: str) -> None:
    os.write(1, what.encode() + b"\n")
    sys.stdin.buffer.read(1)


single()
report("single")
batches(1)
report("in one thread")
bcrypt_batch.start_workers(2)
batches(2)
report("in two threads, which stay")
bcrypt_batch.stop_workers()
checkers()
report("checkers")
asyncio.run(coroutines())
report("coroutines")
