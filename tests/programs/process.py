"""Functions with which programs inspect their own process and end their children."""

from __future__ import annotations

import os
import resource
import threading
import time
from typing import NoReturn


def thread_ids() -> set[str]:
    return set(os.listdir("/proc/self/task"))


def count_threads() -> int:
    return len(thread_ids())


def start_a_first_thread() -> None:
    """Let a sanitizer start its own thread, which is not ours."""
    threading.Thread(target=len, args=("",)).start()
    time.sleep(0.05)


def use_smallest_stacks() -> None:
    """Give Python's threads the smallest stack that the architecture allows."""
    for size in (32 << 10, 64 << 10, 128 << 10):
        try:
            threading.stack_size(size)
            break
        except ValueError:
            pass


def mapped_bytes() -> int:
    """Return how much address space is mapped."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def end_child() -> NoReturn:
    os._exit(7)


def wait_for_child(pid: int) -> None:
    """Wait for a child, which must end by end_child."""
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status == 7, status
