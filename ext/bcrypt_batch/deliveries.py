"""Deliver the answers of the C workers to the futures of an event loop."""

from __future__ import annotations

from _collections_abc import Callable  # see batch.py

from . import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from weakref import WeakValueDictionary

Submit = Callable[[_native.Mailbox], "_native.Call | str"]


class Deliveries:
    """The calls that one event loop waits for.

    The loop watches the mailbox's file descriptor only while answers are expected, so an ended loop
    or an idle checker keeps nothing open. An exception from a signal handler may interrupt any
    step. Each step can be repeated, so that the other calls still get their answers.
    """

    def __init__(self, queue: _native.Queue, loop: asyncio.AbstractEventLoop) -> None:
        self.mailbox = _native.Mailbox(queue)
        self.loop = loop
        self._futures: dict[int, asyncio.Future[None]] = {}
        self._came: list[int] = []  # tokens of finished calls whose futures have no result yet
        self._watching = False  # False doesn't prove that the loop isn't watching

    def expect(self, token: int) -> asyncio.Future[None]:
        """Return a future that is done when the call of this token is finished."""
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
            self.loop.call_soon(self._deliver)  # the descriptor doesn't signal these calls again
            raise

    def forget(self, token: int) -> bool:
        """Stop expecting this call; return True if no call is left and watching has ended."""
        self._futures.pop(token, None)
        while self._futures:
            oldest = next(iter(self._futures))
            if not self._futures[oldest].done():
                return False
            del self._futures[oldest]  # an exception may have interrupted its forget()
        self._watching = False
        # A child after fork must not unregister the descriptor: it shares the parent's selector.
        if self.mailbox.current and not self.loop.is_closed():
            self.loop.remove_reader(self.mailbox.fileno())
        return True


async def compute(
    deliveries: WeakValueDictionary[int, Deliveries],
    queue: _native.Queue,
    submit: Submit,
    timeout_s: float | None,
) -> bytes | str:
    """Return a call's hash, or the reason for its failure; always remove the call.

    Args:
        deliveries: The Deliveries of each event loop, by the loop's id; a loop changes only its
            own entry. A Deliveries lives while it has calls, and while an open loop watches it.
        queue: The queue that computes the call.
        submit: Submits the call, with a mailbox for the answer.
        timeout_s: Seconds from now.
    """
    import asyncio  # loaded already if a loop runs this; programs without loops don't need it

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
