"""Fork while calls are in flight: in other threads, and in a call itself, by a signal handler.

Each process gets its own answers, and no child keeps a connection of its parent.
"""

import os
import signal
import sys
import threading

from bcrypt_batch import SharedChecker
from tests.programs.process import end_child, wait_for_child

path, hashed = sys.argv[1], bytes.fromhex(sys.argv[2])
costly = hashed.replace(b"$04$", b"$10$")
checker = SharedChecker(path, when_away="raise")
children: list[int] = []
first = os.getpid()


def sockets() -> int:
    links = (f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd"))
    return sum(os.readlink(link).startswith("socket:") for link in links if os.path.lexists(link))


def fork_in_the_call(*_: object) -> None:
    if pid := os.fork():
        children.append(pid)


def ask_until(ended: threading.Event) -> None:
    while not ended.is_set():
        assert not checker.check(b"right", costly)


ended = threading.Event()
threads = [threading.Thread(target=ask_until, args=(ended,)) for _ in range(3)]
for thread in threads:
    thread.start()
while checker.stats().in_flight < 3:
    pass
for _ in range(5):
    if pid := os.fork():
        wait_for_child(pid)
    else:
        assert sockets() == 0
        assert checker.check(b"right", hashed)
        assert not checker.check(b"wrong", hashed)
        end_child()
ended.set()
for thread in threads:
    thread.join()

signal.signal(signal.SIGALRM, fork_in_the_call)
for delay in (0.001, 0.01, 0.03):
    signal.setitimer(signal.ITIMER_REAL, delay)
    assert not checker.check(b"right", costly.replace(b"$10$", b"$11$"))
    assert checker.check(b"right", hashed)
    signal.setitimer(signal.ITIMER_REAL, 0)
    if os.getpid() != first:
        assert sockets() == 0
        end_child()
assert len(children) == 3
for child in children:
    wait_for_child(child)
