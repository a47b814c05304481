"""Run a loop in a child while the parent's loop waits for its own calls."""

from __future__ import annotations

import asyncio
import os

import bcrypt_batch
from tests.programs.process import end_child, wait_for_child

hashed = bcrypt_batch.hashpw(b"pw", bcrypt_batch.gensalt(4))
checker = bcrypt_batch.Checker(workers=2)


async def check_in_child() -> None:
    checks = [checker.check_async(b"pw", hashed) for _ in range(8)]
    assert all(await asyncio.gather(*checks))


def fork() -> int:
    if not (pid := os.fork()):
        asyncio.run(check_in_child())
        checker.close()
        end_child()
    return pid


async def main() -> None:
    calls = [asyncio.ensure_future(checker.hash_async(b"pw", cost=10)) for _ in range(8)]
    await asyncio.sleep(0)
    wait_for_child(await asyncio.to_thread(fork))
    assert all(await asyncio.gather(*calls))


asyncio.run(main())
checker.close()
