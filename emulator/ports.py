"""Free ports for servers that take a port number, not a socket.

Another process may take a port between its choice and the server's start. So check who listens
before you connect. Source: Linux, proc(5).
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

LOOPBACK = "127.0.0.1"
_LISTENING = "0A"


def free(count: int) -> list[int]:
    """Return ports that nobody listens on at this moment."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]


def listens(process: int, ports: list[int]) -> bool:
    """Return whether a process and its descendants listen on all of these ports."""
    address = socket.inet_aton(LOOPBACK)[::-1].hex().upper()
    listeners = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == _LISTENING:
            listeners[fields[1]] = f"socket:[{fields[9]}]"
    wanted = {listeners.get(f"{address}:{port:04X}") for port in ports}
    return wanted <= {link for each in _family(process) for link in _descriptors(each)}


def _family(process: int) -> Iterator[int]:
    yield process
    with suppress(OSError):  # it has ended
        for thread in Path(f"/proc/{process}/task").iterdir():
            for child in (thread / "children").read_text().split():
                yield from _family(int(child))


def _descriptors(process: int) -> Iterator[str]:
    with suppress(OSError):
        for descriptor in Path(f"/proc/{process}/fd").iterdir():
            with suppress(OSError):  # closed meanwhile
                yield str(descriptor.readlink())
