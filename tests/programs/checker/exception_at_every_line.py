"""Raise at each line that delivers answers to a loop; no other call may lose its answer.

The argument: seconds to wait for calls that must end. Prints the number of raised exceptions.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from types import CodeType, FrameType
from typing import Any

import bcrypt_batch
from bcrypt_batch import deliveries

WAIT = float(sys.argv[1])


class Interruption(Exception):
    pass


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def main(calls: list[tuple[int, float | None]], code: CodeType, line: int) -> bool:
    # A descriptor may stay until the loop's next call: so make one more call.
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    armed = True

    def local(frame: FrameType, event: str, _: object) -> Any:
        nonlocal armed
        if armed and event == "line" and frame.f_lineno == line:
            armed = False
            raise Interruption
        return local

    sys.settrace(lambda frame, *_: local if frame.f_code is code else None)
    tasks = [
        asyncio.ensure_future(checker.hash_async(b"x", cost=cost, timeout=timeout))
        for cost, timeout in calls
    ]
    _, left = await asyncio.wait(tasks, timeout=WAIT)
    sys.settrace(None)
    assert not left, (code.co_name, line, len(left))
    raised = sum(isinstance(task.exception(), Interruption) for task in tasks)
    assert raised <= 1, (code.co_name, line, raised)
    assert await asyncio.wait_for(checker.hash_async(b"x", cost=4), WAIT)
    return not armed


# With one call alone, no other call can deliver its answer or be late because of it.
MIXED: list[tuple[int, float | None]] = [(4, 0.0), *[(4, WAIT)] * 5]
DELIVERED: list[tuple[int, float | None]] = [(4, None)]
LATE: list[tuple[int, float | None]] = [(31, 0.0)]
checker = bcrypt_batch.Checker(workers=2, max_cost=31)
checker.hash(b"x", cost=4)
seen = 0
before = descriptors()
own = deliveries.Deliveries
for function in (own.__init__, own.expect, own._deliver, own.forget, deliveries.compute):
    for line in sorted({line for _, _, line in function.__code__.co_lines() if line}):
        for calls in (MIXED, DELIVERED, LATE):
            seen += asyncio.run(main(calls, function.__code__, line))
            gc.collect()
            assert descriptors() == before, (function.__name__, line)
            assert not checker._deliveries, (function.__name__, line)
print(seen)
