"""A function whose processes end or wait if an event says so."""

import os
import signal
from typing import Any


def handler(event: Any, _: object) -> int:
    if event == "end":
        os._exit(3)
    if event == "wait":
        signal.pause()
    return os.getpid()
