"""Which folder imports which: never upward, and nothing from the tests."""

from __future__ import annotations

import re

import pytest

from tests.imports import files, imports
from tests.processes import PROJECT

# Each room (a folder), its import names, and the rooms below it that it may import.
ROOMS = {
    "ext/bcrypt_batch": (("bcrypt_batch",), ()),
    "handler": (tuple(f.stem for f in PROJECT.glob("handler/*.py")), ("ext/bcrypt_batch",)),
    "emulator": (("emulator",), ("handler", "ext/bcrypt_batch")),
    "statemachine": (("statemachine",), ("emulator", "handler", "ext/bcrypt_batch")),
    "benchmarks": (("benchmarks",), ("emulator", "handler", "ext/bcrypt_batch")),
}
NAMES = {name: room for room, (names, _) in ROOMS.items() for name in names} | {"tests": "tests"}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_rooms_below_it(room: str) -> None:
    _, below = ROOMS[room]
    wrong = [
        f"{file.relative_to(PROJECT)} imports {name}"
        for file in files(room)
        for name in imports(file)
        if NAMES.get(name.partition(".")[0], room) not in (room, *below)
    ]
    assert wrong == []


@pytest.mark.parametrize("room", ["handler", "emulator", "statemachine"])
def test_only_tests_and_benchmarks_import_the_extension(room: str) -> None:
    """They force a kernel or a lane count."""
    for file in files(room):
        assert not [name for name in imports(file) if name.startswith("bcrypt_batch._")], file


# The headers of other rooms that each room's C files may include.
HEADERS = {"ext/kernel": set[str](), "ext/engine": {"kernel.h"}}


@pytest.mark.parametrize("room", HEADERS)
def test_c_includes_only_headers_of_rooms_below_it(room: str) -> None:
    """Never Python's; only one file includes OpenMP's."""
    folder = PROJECT / room
    allowed = HEADERS[room] | {file.name for file in folder.glob("*.h")}
    sources = sorted(folder.glob("*.[ch]"))
    assert sources
    for file in sources:
        text = file.read_text()
        assert {*re.findall(r'^#include "(.*)"', text, re.M)} <= allowed, file
        assert "<Python.h>" not in text, file
        assert not re.search(r"#pragma omp|<omp.h>", text) or file.name == "pool.c", file


def test_the_boundary_knows_the_public_headers_of_c() -> None:
    text = "".join(file.read_text() for file in PROJECT.glob("ext/bcrypt_batch/_*.p*"))
    public = {"batch.h", "clock.h", "kernel.h", "pool.h", "queue.h", "server.h"}
    assert {*re.findall(r'extern from "(\w+\.h)"', text)} == public


def test_only_the_benchmarks_own_tests_import_them() -> None:
    own = {PROJECT / "tests/benchmarks", PROJECT / "tests/programs/benchmarks"}
    wrong = [
        f"{file.relative_to(PROJECT)} imports {name}"
        for file in files("tests")
        for name in imports(file)
        if not own & {*file.parents} and name.startswith("benchmarks")
    ]
    assert wrong == []
