"""End batches by themselves, by an exception, a stop and a deadline; free them.

The first batch ends by itself. Then three are stopped after their first look at the clock: after
the first 16 of 2^31 iterations, and so in the state that the 16 of cost 4 end in. The arguments are
the password and the salt, in hexadecimal.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from typing import NoReturn

import bcrypt_batch
from bcrypt_batch import _native
from tests.programs.secrets.reporting import report

PASSWORD, SALT = map(bytes.fromhex, sys.argv[1:])
LANES = 3
ticks: list[int] = []


def batch(cost: int, deadline_ns: int | None = None) -> _native.Batch:
    made = _native.Batch(LANES, deadline_ns)
    made.add_passwords(
        [PASSWORD] * LANES, prefix=b"2b", cost=cost, salts=SALT * LANES, truncate=False
    )
    made.plan([(cost, LANES, 1)], kernel=bcrypt_batch.kernels().chosen, workers=1)
    return made


def ticker(tick: Callable[[], object]) -> Callable[[], None]:
    def count() -> None:
        ticks.append(1)
        tick()

    return count


def fail() -> NoReturn:
    raise KeyError


ended = batch(4)
ended.run(lambda: None, slice_ns=0)
assert all(ended.hashes())
report("ended")
failed, stopped = batch(31), batch(31)
with contextlib.suppress(KeyError):
    failed.run(ticker(fail), slice_ns=0)
stopped.run(ticker(stopped.stop), slice_ns=0)
deadline_ns = time.monotonic_ns() + 300_000_000
late = batch(31, deadline_ns)
late.run(ticker(lambda: time.sleep(max(0, deadline_ns - time.monotonic_ns()) / 1e9)), slice_ns=0)
assert len(ticks) == 3
report("stopped")
del failed, stopped, late
report("gone")
