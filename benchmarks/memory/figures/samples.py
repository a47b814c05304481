"""Write each invocation to a CSV file at once, so that a killed program loses none."""

from __future__ import annotations

import csv
import os
import types
import typing
from pathlib import Path
from typing import Any

from benchmarks.memory.targets.invocation import Invocation
from emulator.problem import Problem

HINTS = typing.get_type_hints(Invocation)


class Samples:
    """The invocations in a CSV file, as a context manager; earlier invocations are kept.

    Args:
        path: The file; it need not exist. A last line without a line end, left by a killed program,
            is dropped.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.rows: list[Invocation] = []

    def __enter__(self) -> Samples:
        _drop_unfinished_line(self._path)
        self.rows = read(self._path)
        self._file = self._path.open("a", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        if not self._path.stat().st_size:
            self._writer.writerow(Invocation._fields)
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, row: Invocation) -> None:
        """Append an invocation and flush it to the system."""
        self._writer.writerow(row)
        self._file.flush()
        self.rows.append(row)


def read(path: Path) -> list[Invocation]:
    """Return the invocations in a file; an empty list if the file is missing.

    Raises:
        Problem: The file doesn't have this version's columns.
    """
    if not path.exists():
        return []
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        if reader.fieldnames not in (None, list(Invocation._fields)):
            raise Problem(f"{path} has other columns than this version of the tool writes")
        return [
            Invocation(**{name: _value(HINTS[name], text) for name, text in row.items()})
            for row in reader
        ]


def _drop_unfinished_line(path: Path) -> None:
    if path.exists():
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(path, whole)


def _value(hint: Any, text: str) -> Any:
    """Return a field converted to its type in Invocation."""
    if isinstance(hint, types.UnionType):  # with None, which is an empty field in CSV
        return _value(typing.get_args(hint)[0], text) if text else None
    return text == "True" if hint is bool else hint(text)
