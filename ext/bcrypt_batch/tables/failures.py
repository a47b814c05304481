"""The failed rows: how many for each reason, and the file that lists them."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from .interrupts import Interrupts
from .newfiles import OutputRefused, new_files
from .output import check_paths
from .results import FAILURES_HEADER, failure_line


class Failures:
    """The rows in error, also of earlier runs in the output.

    Attributes:
        codes: How many rows have each error.
    """

    def __init__(self, file: BinaryIO | None = None, form: str = "jsonl") -> None:
        self.codes: Counter[str] = Counter()
        self._file, self._form = file, form
        if file and form == "csv":
            file.write(FAILURES_HEADER)

    def add(self, row: int, identity: Any, code: str) -> None:
        """Record only the number, id and error of a row."""
        self.codes[code] += 1
        if self._file:
            self._file.write(failure_line(row, identity, code, self._form))


@contextmanager
def failures(options: argparse.Namespace, interrupts: Interrupts) -> Iterator[Failures]:
    """Begin the list of failed rows; the file of `--errors` gets its final name at the end.

    Raises:
        OutputRefused: The file exists, or is another file of the command.
    """
    path = options.errors
    if path is None:
        yield Failures()
        return
    for given, name in ((options.input, "the input"), (options.hashes, "--hashes")):
        if given is not None:
            check_paths(given, path, name, "--errors")
    if os.path.realpath(path) in map(os.path.realpath, (options.output, f"{options.output}.state")):
        raise OutputRefused("--errors is the output itself, or its state file")
    replace = options.force or options.resume
    with new_files(interrupts, replace=replace) as made, made.file(path) as file:
        yield Failures(file, "csv" if path.endswith(".csv") else "jsonl")
