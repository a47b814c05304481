"""What a busy machine can put off."""

from __future__ import annotations

from collections.abc import Callable

ATTEMPTS = 20


def ever(happens: Callable[[], bool]) -> bool:
    """Return whether something comes true in one of several attempts.

    That a batch is computed in two threads, for one: the host of a virtual machine can keep the
    second from its CPU for longer than a short batch takes.
    """
    return any(happens() for _ in range(ATTEMPTS))
