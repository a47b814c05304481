"""Wait, be late, be closed, and finish; print a line at each, and go on after a byte of input.

The password comes first on standard input.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time

import bcrypt_batch

password = sys.stdin.buffer.read(40)
checker = bcrypt_batch.Checker(workers=1, lanes=2)


def report(what: str) -> None:
    print(what, flush=True)
    sys.stdin.buffer.read(1)


def hash_until_closed() -> None:
    with contextlib.suppress(bcrypt_batch.CheckerClosed):
        checker.hash(password, cost=16)


async def hash_in_a_loop(checker: bcrypt_batch.Checker) -> None:
    call = asyncio.ensure_future(checker.hash_async(password, cost=4))
    await asyncio.sleep(0)
    while checker.stats().finished < 2:
        time.sleep(0.001)
    report("not taken")
    await call


threads = [threading.Thread(target=hash_until_closed) for _ in range(4)]
for thread in threads:
    thread.start()
while (stats := checker.stats()).waiting + stats.in_flight < 4:
    time.sleep(0.001)
report("there")
for timeout in (0, 0.01):
    with contextlib.suppress(TimeoutError):
        checker.hash(password, cost=16, timeout=timeout)
checker.close(wait=False)
for thread in threads:
    thread.join()
with bcrypt_batch.Checker(workers=2) as another:
    another.hash(password, cost=4)
    asyncio.run(hash_in_a_loop(another))
report("done")
