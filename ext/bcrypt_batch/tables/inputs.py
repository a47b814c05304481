"""Open an input such that signals are heard while it is silent."""

from __future__ import annotations

import io
import os
import select
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from .messages import naming

STDIN = 0


class _Input(io.FileIO):
    """An input whose errors name it. A pipe or terminal is read only once it has something.

    A signal between Python's last look and a read(2) that waits would go unnoticed until more input
    comes. poll(2) returns for it: Python writes every signal to a pipe, which is polled too.
    """

    def __init__(self, path: str) -> None:
        if path == "-":
            super().__init__(STDIN, closefd=False)
        else:
            super().__init__(path, opener=_open)
        self._shown = "standard input" if path == "-" else path
        self._poll: select.poll | None = None
        if not stat.S_ISREG(os.fstat(self.fileno()).st_mode):
            self._wakeup, self._signals = os.pipe()
            for descriptor in (self._wakeup, self._signals):
                os.set_blocking(descriptor, False)
            self._former = signal.set_wakeup_fd(self._signals, warn_on_full_buffer=False)
            self._poll = select.poll()
            self._poll.register(self.fileno(), select.POLLIN)
            self._poll.register(self._wakeup, select.POLLIN)

    def readinto(self, buffer: Any) -> int | None:
        with naming(self._shown):
            while self._poll is not None:
                ready = [descriptor for descriptor, _ in self._poll.poll()]
                if self._wakeup in ready:
                    os.read(self._wakeup, 4096)  # its handler runs before the next poll
                elif (size := super().readinto(buffer)) is not None:  # of what doesn't wait
                    return size
            return super().readinto(buffer)

    def close(self) -> None:
        if not self.closed and self._poll is not None:
            self._poll = None
            signal.set_wakeup_fd(self._former)
            os.close(self._wakeup)
            os.close(self._signals)
        super().close()


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a named pipe waits for its writer otherwise


@contextmanager
def open_input(path: str) -> Iterator[BinaryIO]:
    """Open a file, or standard input, which `-` means.

    Raises:
        OSError: It can't be opened.
    """
    with io.BufferedReader(_Input(path)) as file:
        yield file
