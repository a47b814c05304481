"""Open an input so that signals interrupt a wait for its data."""

from __future__ import annotations

import io
import os
import select
import stat
from typing import Any, BinaryIO

from .interrupts import Interrupts
from .messages import naming

STDIN = 0


class _Input(io.FileIO):
    """An input whose errors name the file. A pipe or terminal is read only when it has data."""

    def __init__(self, path: str, interrupts: Interrupts) -> None:
        if path == "-":
            super().__init__(STDIN, closefd=False)
        else:
            super().__init__(path, opener=_open)
        self._shown = "standard input" if path == "-" else path
        self._interrupts = interrupts
        self._waits = not stat.S_ISREG(os.fstat(self.fileno()).st_mode)

    def readinto(self, buffer: Any) -> int | None:
        with naming(self._shown):
            while self._waits:
                ready = self._interrupts.wait(self.fileno(), select.POLLIN)
                if not ready and self._interrupts.over:
                    raise KeyboardInterrupt  # the handler's exception was lost in other code
                if ready and (size := super().readinto(buffer)) is not None:  # None if not ready
                    return size
            return super().readinto(buffer)


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # otherwise a named pipe waits for its writer


def open_input(path: str, interrupts: Interrupts) -> BinaryIO:
    """Open a file, or `-` for standard input; `interrupts` may end a wait for it.

    Raises:
        OSError: The file can't be opened.
    """
    return io.BufferedReader(_Input(path, interrupts))
