"""Answers to coroutines: from workers, which know nothing of Python, to the futures of a loop."""

from __future__ import annotations

import asyncio
from _collections_abc import Callable  # see batch.py

from . import _native

Submit = Callable[[_native.Mailbox], "_native.Call | str"]


class Deliveries:
    """The calls that one event loop waits for.

    It watches its mailbox's file descriptor as long as there are any, so that neither a loop that
    has ended nor a checker that is idle has anything open.
    """

    def __init__(self, queue: _native.Queue, loop: asyncio.AbstractEventLoop) -> None:
        self.mailbox = _native.Mailbox(queue)
        self.loop = loop
        self.futures: dict[int, asyncio.Future[None]] = {}
        loop.add_reader(self.mailbox.fileno(), self._deliver)

    def _deliver(self) -> None:
        for token in self.mailbox.take():
            future = self.futures[token]
            if not future.done():
                future.set_result(None)

    def end(self) -> None:
        # Not in a child after fork: the loop's selector is the parent's, too.
        if self.mailbox.current:
            self.loop.remove_reader(self.mailbox.fileno())


async def compute(
    deliveries: dict[asyncio.AbstractEventLoop, Deliveries],
    queue: _native.Queue,
    submit: Submit,
    timeout_s: float | None,
) -> bytes | str:
    """Return a call's hash, or why there is none; whatever happens, nothing of it is left.

    Args:
        deliveries: Those of each event loop; only the one that this runs in changes its own.
        queue: Where the call goes.
        submit: Makes the call, given a mailbox.
        timeout_s: Seconds from now.
    """
    loop = asyncio.get_running_loop()
    own = deliveries.get(loop)
    if own is None or not own.mailbox.current:
        own = deliveries[loop] = Deliveries(queue, loop)
    call = None
    timer = None
    try:
        call = submit(own.mailbox)
        if isinstance(call, str):
            return call
        future: asyncio.Future[None] = loop.create_future()
        own.futures[call.token] = future
        if timeout_s is not None:
            timer = loop.call_later(timeout_s, _expire, call, future)
        await future
        return call.result()
    finally:
        if timer is not None:
            timer.cancel()
        if isinstance(call, _native.Call):
            call.end()
            own.futures.pop(call.token, None)
        if not own.futures:
            own.end()
            if deliveries.get(loop) is own:
                del deliveries[loop]


def _expire(call: _native.Call, future: asyncio.Future[None]) -> None:
    """End a call whose time is up, unless it has come just now: then it is on its way here."""
    if not future.done() and call.give_up():
        future.set_result(None)
