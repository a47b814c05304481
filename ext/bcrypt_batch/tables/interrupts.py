"""The signals that stop a command: one list, and one behaviour for all commands."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from bcrypt_batch.checks import MAX_SECONDS

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INCOMPLETE = 3
SIGNALLED = 128  # plus the signal's number: a shell's exit status
ALARM_S = 0.5  # from a deferred signal to the alarm that raises it


class Interrupts:
    """Turns Ctrl-C, SIGTERM, SIGHUP and a deadline into one KeyboardInterrupt.

    A second exception would interrupt the cleanup after the first.

    Attributes:
        signal: Which signal came, or None.
        over: Whether nothing is left to interrupt.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self.over = False
        self._deferred = False
        self._deadline: float | None = None
        self._wakeup: int | None = None  # a pipe to which Python writes every signal

    @property
    def stopped(self) -> bool:
        """Whether a signal came, or the deadline has passed."""
        return self.signal is not None or self.remaining() == 0

    @property
    def status(self) -> int:
        """The exit status of a command that was stopped."""
        return INCOMPLETE if self.signal is None else SIGNALLED + self.signal

    @property
    def name(self) -> str:
        """What stopped the command."""
        return "the deadline" if self.signal is None else signal.Signals(self.signal).name

    def limit(self, seconds: float | None) -> None:
        """Set a deadline, enforced by an alarm; None means no deadline."""
        if seconds is None:
            return
        self._deadline = time.monotonic() + seconds
        # A duration of 0 would switch the timer off.
        signal.setitimer(signal.ITIMER_REAL, min(max(seconds, 0.001), MAX_SECONDS))

    def remaining(self) -> float | None:
        """Return the seconds until the deadline; None without one."""
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    @contextmanager
    def raised(self) -> Iterator[None]:
        """Handle the signals, except ignored ones: nohup ignores SIGHUP."""
        numbers = [n for n in STOPPING if signal.getsignal(n) != signal.SIG_IGN]
        numbers.append(signal.SIGALRM)
        with self.deferred():
            former = [signal.signal(number, self._came) for number in numbers]
        try:
            with self._woken():
                yield
        finally:
            self.over = True
            signal.setitimer(signal.ITIMER_REAL, 0)
            for number, handler in zip(numbers, former, strict=True):
                signal.signal(number, handler)

    @contextmanager
    def _woken(self) -> Iterator[None]:
        self._wakeup, signals = os.pipe()
        for descriptor in (self._wakeup, signals):
            os.set_blocking(descriptor, False)
        former = signal.set_wakeup_fd(signals, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(former)
            os.close(self._wakeup)
            os.close(signals)
            self._wakeup = None

    def wait(self, descriptor: int, event: int, seconds: float | None = None) -> bool:
        """Wait until a pipe or terminal is ready, or a signal comes.

        A signal between Python's last check and a blocking read(2) or write(2) would go unnoticed
        until the other end of the pipe acts. Python also writes the signal to another pipe, on
        which this poll(2) waits too, so it returns.

        Returns:
            Whether the descriptor is ready for `select.POLLIN` or `select.POLLOUT`; if not, a
            signal's handler runs before the next wait.
        """
        poll = select.poll()
        poll.register(descriptor, event)
        if self._wakeup is not None:
            poll.register(self._wakeup, select.POLLIN)
        ready = [found for found, _ in poll.poll(None if seconds is None else seconds * 1000)]
        if self._wakeup in ready:
            self.clear()
        return descriptor in ready

    @property
    def descriptor(self) -> int:
        """A descriptor that is readable when a signal has come, until `clear`; inside `raised`."""
        assert self._wakeup is not None
        return self._wakeup

    def clear(self) -> None:
        """Forget the signals that the descriptor shows."""
        with suppress(BlockingIOError):
            os.read(self.descriptor, 4096)

    def again(self) -> None:
        """Let a second signal interrupt what the first has begun."""
        self.clear()
        self.over = False

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Only record signals inside the block; an alarm interrupts the code after the block."""
        before, self._deferred = self._deferred, True
        try:
            yield
        finally:
            self._deferred = before

    def _came(self, number: int, _frame: FrameType | None) -> None:
        if self.over:
            return
        if number != signal.SIGALRM:
            self.signal = number
        if self._deferred:
            signal.setitimer(signal.ITIMER_REAL, ALARM_S)  # to interrupt the code after the block
            return
        self.over = True
        raise KeyboardInterrupt
