"""Check in a child whose loop has the address of the parent's, by which mailboxes are found."""

from __future__ import annotations

import asyncio
import os

import bcrypt_batch
from bcrypt_batch.deliveries import Deliveries
from tests.programs.process import end_child, wait_for_child

checker = bcrypt_batch.Checker(workers=1)
hashed = bcrypt_batch.hashpw(b"x", bcrypt_batch.gensalt(4))
parents = Deliveries(checker._queue, asyncio.new_event_loop())


async def main() -> bool:
    checker._deliveries[id(asyncio.get_running_loop())] = parents
    return await asyncio.wait_for(checker.check_async(b"x", hashed), 60)


if not (pid := os.fork()):
    if asyncio.run(main()):
        end_child()
    os._exit(1)
wait_for_child(pid)
parents.loop.close()
checker.close()
