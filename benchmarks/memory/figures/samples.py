"""Keep every invocation in a CSV file as it comes, so that nothing is lost with the program."""

from __future__ import annotations

import csv
import types
import typing
from pathlib import Path
from typing import Any

from benchmarks.memory.targets.invocation import Invocation
from emulator.problem import Problem

HINTS = typing.get_type_hints(Invocation)


class Samples:
    """The invocations in a CSV file, as a context manager; what was there before is kept.

    Args:
        path: The file; it need not exist. A last line without an end, left by a program that was
            killed while writing it, is dropped.
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
        """Add an invocation, and see it off to the system at once."""
        self._writer.writerow(row)
        self._file.flush()
        self.rows.append(row)


def read(path: Path) -> list[Invocation]:
    """Return the invocations in a file, none where there is no file.

    Raises:
        Problem: The file is not one of these.
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
            with path.open("r+b") as file:
                file.truncate(whole)


def _value(hint: Any, text: str) -> Any:
    """Return a field as the type that Invocation says."""
    if isinstance(hint, types.UnionType):  # or None, which CSV has as nothing
        return _value(typing.get_args(hint)[0], text) if text else None
    return text == "True" if hint is bool else hint(text)
