from __future__ import annotations

import asyncio

import bcrypt_batch

checker = bcrypt_batch.Checker(workers=1)


async def main() -> None:
    await checker.check_async(b"pw", b"$2b$04$" + b"." * 53)


try:
    asyncio.run(main())
except MemoryError as error:
    assert str(error) == "no memory for an event loop's calls", error
else:
    raise SystemExit("it has worked")
