"""The standard streams: messages on standard error, and OS errors that name their file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

PROGRAM = "bcrypt-batch"
STDOUT, STDERR = 1, 2


def say(*messages: str) -> None:
    """Show messages, each after the program's name."""
    for text in messages:
        show(f"{PROGRAM}: {text}")


def show(line: str) -> None:
    """Show a line; if standard error is closed, nothing: print() would write to standard output."""
    if sys.stderr is None:
        return
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:  # the terminal is gone: Python must not try again at exit
        sys.stderr = None


def discard(*streams: int) -> None:
    """Discard what will be written to these descriptors."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        os.dup2(nowhere, stream)
    os.close(nowhere)


@contextmanager
def naming(path: str) -> Iterator[None]:
    """Add this file name to an OSError that has none: read(2) and write(2) report none."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, path) from None
