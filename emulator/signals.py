"""Treat signals as Ctrl-C; else the emulator, in a session of its own, would outlive a command."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def raised_as_interrupts() -> Iterator[None]:
    """Raise SIGTERM and SIGHUP as KeyboardInterrupt, unless ignored, as under nohup."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        for number, handler in before.items():
            if handler != signal.SIG_IGN:
                signal.signal(number, signal.default_int_handler)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
