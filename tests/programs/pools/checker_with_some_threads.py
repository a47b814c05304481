from __future__ import annotations

import asyncio
import warnings

import bcrypt_batch
from tests.programs.pools import shortage as shortage
from tests.programs.process import count_threads

warnings.simplefilter("ignore")
checker = bcrypt_batch.Checker(workers=6, lanes=1, max_waiting=1)


async def main() -> None:
    calls = [asyncio.ensure_future(checker.hash_async(b"pw", cost=16)) for _ in range(9)]
    await asyncio.sleep(0)
    stats = checker.stats()
    print(stats.waiting + stats.in_flight, stats.refused, count_threads() - 1)
    checker.close(wait=False)
    await asyncio.gather(*calls, return_exceptions=True)


asyncio.run(main())
