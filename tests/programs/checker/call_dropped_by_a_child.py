"""Drop a call in a child whose queue may have the address of the parent's queue."""

from __future__ import annotations

import asyncio
import os

import bcrypt_batch
from tests.programs.process import end_child, wait_for_child

checker = bcrypt_batch.Checker(workers=1)
hashed = bcrypt_batch.hashpw(b"x", bcrypt_batch.gensalt(4))


async def main() -> None:
    call = asyncio.ensure_future(checker.hash_async(b"x", cost=10))
    await asyncio.sleep(0)
    (own,) = checker._deliveries.values()
    if not (pid := os.fork()):
        for _ in range(20):
            assert not own.mailbox.current
            assert checker.check(b"x", hashed)
        call.get_coro().close()
        end_child()
    wait_for_child(pid)
    await asyncio.wait_for(call, 60)


asyncio.run(main())
checker.close()
