"""Read the lists of mutants and check them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

KEYS = {"name", "file", "old", "new", "tests"}


class InvalidList(Exception):
    """A list has an error; the message names the file and the mutant."""


class Mutant(NamedTuple):
    """One change to one file.

    Attributes:
        name: What is broken.
        file: The file that is changed, from the project's root.
        old: Text that occurs once in the file.
        new: The text that replaces it.
        tests: Arguments for pytest; at least one of these tests must fail.
        source: The list that the mutant is from.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    source: str

    def apply(self, root: Path) -> str:
        """Return the text of the changed file.

        Raises:
            InvalidList: The list is stale: the file does not exist, or `old` does not occur once.
        """
        path = root / self.file
        if not path.is_file():
            raise InvalidList(f"{self}: there is no file {self.file}")
        text = path.read_text()
        if (count := text.count(self.old)) != 1:
            raise InvalidList(f"{self}: `old` occurs {count} times in {self.file}, not once")
        return text.replace(self.old, self.new)

    def __str__(self) -> str:
        return f'{self.source}, mutant "{self.name}"'


def read(folder: Path) -> list[Mutant]:
    """Return the mutants of all lists in a folder, ordered by file name.

    Raises:
        InvalidList: A list is no TOML, lacks a key, has an unknown one, or repeats a name.
    """
    mutants: list[Mutant] = []
    for file in sorted(folder.glob("*.toml")):
        try:
            content = tomllib.loads(file.read_text())
        except ValueError as error:
            raise InvalidList(f"{file.name}: {error}") from None
        if content.keys() != {"mutant"}:
            raise InvalidList(f"{file.name}: expected [[mutant]] and nothing else")
        mutants.extend(_mutant(entry, file.name) for entry in content["mutant"])
    names = [mutant.name for mutant in mutants]
    for mutant in mutants:
        if names.count(mutant.name) > 1:
            raise InvalidList(f"{mutant}: another mutant has the same name")
    return mutants


def _mutant(entry: dict[str, Any], source: str) -> Mutant:
    where = f'{source}, mutant "{entry.get("name", "without a name")}"'
    if wrong := KEYS ^ entry.keys():
        raise InvalidList(f"{where}: missing or unknown: {', '.join(sorted(wrong))}")
    tests = entry.pop("tests")
    if not (isinstance(tests, list) and tests and _are_texts([*tests, *entry.values()])):
        raise InvalidList(f"{where}: every value must be text, and tests a list of at least one")
    if entry["old"] == entry["new"]:
        raise InvalidList(f"{where}: `old` and `new` are the same")
    return Mutant(**entry, tests=tuple(tests), source=source)


def _are_texts(values: Iterable[Any]) -> bool:
    return all(isinstance(value, str) for value in values)
