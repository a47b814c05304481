"""Threads that gevent or eventlet have replaced, before or after the package's import.

The arguments are the library, and "before" or "after".
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

LIBRARY, WHEN = sys.argv[1:]

if WHEN == "after":
    importlib.import_module("bcrypt_batch")
if LIBRARY == "gevent":
    import gevent
    import gevent.monkey

    gevent.monkey.patch_all()
else:
    import eventlet
    import eventlet.tpool

    eventlet.monkey_patch()

import bcrypt_batch as bcrypt_batch  # noqa: E402


def in_pool(function: Callable[..., object], *arguments: Any) -> Any:
    """Call a function in a real thread, of the library's own pool."""
    if LIBRARY == "gevent":
        return gevent.get_hub().threadpool.apply(function, arguments)
    return eventlet.tpool.execute(function, *arguments)
