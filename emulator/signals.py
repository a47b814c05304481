"""End by signals as by Ctrl-C: the emulator, in a session of its own, would stay behind."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def raised_as_interrupts() -> Iterator[None]:
    """Make SIGTERM and SIGHUP a KeyboardInterrupt, unless they are ignored, as nohup has it."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        for number, handler in before.items():
            if handler != signal.SIG_IGN:
                signal.signal(number, signal.default_int_handler)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
