"""The threads of this process except those from before the first batch."""

from __future__ import annotations

import os

import bcrypt_batch as bcrypt_batch  # which may bring threads of its build
from tests.programs.process import start_a_first_thread, thread_ids

start_a_first_thread()
before = thread_ids()


def tasks() -> list[int]:
    """Return the main thread's id, then those of the threads made since."""
    return [os.getpid(), *sorted(map(int, thread_ids() - before))]
