"""Answers to coroutines: from workers, which know nothing of Python, to the futures of a loop."""

from __future__ import annotations

import asyncio
from _collections_abc import Callable  # see batch.py

from . import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from weakref import WeakValueDictionary

Submit = Callable[[_native.Mailbox], "_native.Call | str"]


class Deliveries:
    """The calls that one event loop waits for.

    It watches its mailbox's file descriptor as long as there are any, so that neither a loop that
    has ended nor a checker that is idle has anything open. A signal handler's exception may come at
    any moment, and may not cost the other calls their answers: each step can be done again.
    """

    def __init__(self, queue: _native.Queue, loop: asyncio.AbstractEventLoop) -> None:
        self.mailbox = _native.Mailbox(queue)
        self.loop = loop
        self._futures: dict[int, asyncio.Future[None]] = {}
        self._came: list[int] = []  # tokens of calls that are still to be told
        self._watching = False  # for sure: it may be all the same

    def expect(self, token: int) -> asyncio.Future[None]:
        """Return what is done when the call of this token has come."""
        if not self._watching:
            self.loop.add_reader(self.mailbox.fileno(), self._deliver)
            self._watching = True
        future = self._futures[token] = self.loop.create_future()
        return future

    def _deliver(self) -> None:
        try:
            self.mailbox.take(self._came)
            while self._came:
                future = self._futures.get(self._came[-1])
                if future is not None and not future.done():
                    future.set_result(None)
                del self._came[-1]
        except BaseException:
            self.loop.call_soon(self._deliver)  # the descriptor tells nothing of these any more
            raise

    def forget(self, token: int) -> bool:
        """Expect this call no longer; once no other is expected, watch no longer and say so."""
        self._futures.pop(token, None)
        while self._futures:
            oldest = next(iter(self._futures))
            if not self._futures[oldest].done():
                return False
            del self._futures[oldest]  # an exception may have kept it from being forgotten
        self._watching = False
        # Not in a child after fork: the loop's selector is the parent's, too.
        if self.mailbox.current and not self.loop.is_closed():
            self.loop.remove_reader(self.mailbox.fileno())
        return True


async def compute(
    deliveries: WeakValueDictionary[int, Deliveries],
    queue: _native.Queue,
    submit: Submit,
    timeout_s: float | None,
) -> bytes | str:
    """Return a call's hash, or why there is none; whatever happens, nothing of it is left.

    Args:
        deliveries: Those of each event loop, by its id; only the one that this runs in changes its
            own. They live as long as their calls and, while they watch, as their loop is open.
        queue: Where the call goes.
        submit: Makes the call, given a mailbox.
        timeout_s: Seconds from now.
    """
    loop = asyncio.get_running_loop()
    own = deliveries.get(id(loop))
    if own is None or not own.mailbox.current:
        own = deliveries[id(loop)] = Deliveries(queue, loop)
    call = None
    timer = None
    try:
        call = submit(own.mailbox)
        if isinstance(call, str):
            return call
        future = own.expect(call.token)
        if timeout_s is not None:
            timer = loop.call_later(timeout_s, call.expire, future)
        await future
        return call.result()
    finally:
        if timer is not None:
            timer.cancel()
        if isinstance(call, _native.Call):
            call.end()
            if own.forget(call.token) and deliveries.get(id(loop)) is own:
                del deliveries[id(loop)]
