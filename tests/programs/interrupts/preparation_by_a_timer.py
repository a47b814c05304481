from __future__ import annotations

import signal
from collections.abc import Iterable

import bcrypt_batch
from bcrypt_batch import batch
from tests.programs.interrupts.large_batch import PASSWORDS


class Late(Exception):
    pass


def handle(*_: object) -> None:
    raise Late


def join(salts: Iterable[bytes]) -> bytes:
    """Set the timer when the checks of arguments are over."""
    joined = b"".join(salts)
    signal.setitimer(signal.ITIMER_REAL, 0.005)
    return joined


signal.signal(signal.SIGALRM, handle)
batch._join = join
salts = [bytes(16)] * len(PASSWORDS)
try:
    bcrypt_batch.hash_many(PASSWORDS, cost=4, salts=salts, workers=2)
except Late as late:
    result = late.batch_result  # type: ignore[attr-defined]
    assert result.unprocessed == list(range(len(PASSWORDS)))
    assert result.values == [None] * len(PASSWORDS)
else:
    raise SystemExit("not interrupted")
