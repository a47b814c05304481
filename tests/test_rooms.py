"""Which room imports which: never upward, and nothing from the tests."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import bcrypt_batch

PROJECT = Path(__file__).parent.parent

# Each room, what it is called when imported, and the rooms below it that it may import.
ROOMS = {
    "ext/bcrypt_batch": (("bcrypt_batch",), ()),
    "handler": (tuple(f.stem for f in PROJECT.glob("handler/*.py")), ("ext/bcrypt_batch",)),
    "emulator": (("emulator",), ("handler", "ext/bcrypt_batch")),
    "benchmarks": (("benchmarks",), ("emulator", "handler", "ext/bcrypt_batch")),
}
NAMES = {name: room for room, (names, _) in ROOMS.items() for name in names} | {"tests": "tests"}

# What is imported under another name than it is installed by.
DISTRIBUTIONS = {"botocore": "boto3"}


def imports(file: Path) -> Iterator[str]:
    """Yield the full name of what a file imports, but for what is beside it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files(folder: str) -> list[Path]:
    found = sorted((PROJECT / folder).rglob("*.py"))
    assert found
    return found


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


# The headers of other rooms that the C of each may include.
HEADERS = {"ext/kernel": set[str](), "ext/engine": {"kernel.h"}}


@pytest.mark.parametrize("room", HEADERS)
def test_c_includes_only_headers_of_rooms_below_it(room: str) -> None:
    """Never Python's; and OpenMP is one file's business."""
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
    public = {"batch.h", "clock.h", "kernel.h", "pool.h", "queue.h"}
    assert {*re.findall(r'extern from "(\w+\.h)"', text)} == public | {"Python.h"}


def test_only_the_benchmarks_own_tests_import_them() -> None:
    own = PROJECT / "tests/benchmarks"
    wrong = [
        f"{file.relative_to(PROJECT)} imports {name}"
        for file in files("tests")
        for name in imports(file)
        if own not in file.parents and name.startswith("benchmarks")
    ]
    assert wrong == []


def commands() -> list[Path]:
    found = [file for room in ("cpu", "memory") for file in PROJECT.glob(f"benchmarks/{room}/*.py")]
    return [file for file in found if file.stem != "__init__"]


def test_no_command_imports_another() -> None:
    """What two of them need is in a module of its own."""
    names = {f"benchmarks.{file.parent.name}.{file.stem}" for file in commands()}
    assert len(names) >= 9
    for file in files("benchmarks"):
        for name in imports(file):
            assert not {name, name.rpartition(".")[0]} & names, f"{file} imports {name}"


def test_the_group_of_the_benchmarks_has_what_they_import() -> None:
    groups = tomllib.loads((PROJECT / "pyproject.toml").read_text())["dependency-groups"]

    def wanted(group: str) -> Iterator[str]:
        for entry in groups[group]:
            if isinstance(entry, str):
                yield re.split(r"[^\w-]", entry)[0]
            else:
                yield from wanted(entry["include-group"])

    installed = set(wanted("benchmarks"))
    for file in [*files("benchmarks"), *files("emulator")]:
        for name in imports(file):
            top = name.partition(".")[0]
            if top not in sys.stdlib_module_names and top not in NAMES:
                assert DISTRIBUTIONS.get(top, top) in installed, f"{file} imports {name}"


def test_each_command_says_what_it_takes() -> None:
    """Its options are its own: the command line knows only where commands lie."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--help"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    for file in commands():
        assert f" {file.stem.replace('_', '-')}" in done.stdout
        body = ast.parse(file.read_text()).body
        functions = {node.name for node in body if isinstance(node, ast.FunctionDef)}
        assert functions >= {"add_arguments", "run"}


def test_the_version_stands_once() -> None:
    """In the package, where setuptools reads it; documents call it VERSION."""
    if not shutil.which("git") or not (PROJECT / ".git").exists():
        pytest.skip("this is no clone of the repository, or git is not installed")
    listed = subprocess.run(
        ["git", "ls-files"], cwd=PROJECT, check=True, capture_output=True, text=True
    )
    version = re.compile(rf"(?<![\d.]){re.escape(bcrypt_batch.__version__)}(?![\d.])")
    found = [
        name
        for name in listed.stdout.splitlines()
        if name != "CHANGELOG.md"
        and not name.endswith(".svg")
        and version.search((PROJECT / name).read_text(errors="replace"))
    ]
    assert found == ["ext/bcrypt_batch/__init__.py"]


def test_each_promise_of_security_names_a_test_that_is_there() -> None:
    promises = re.findall(
        r"^\| .* \| (.*tests/.*) \|$", (PROJECT / "SECURITY.md").read_text(), re.M
    )
    assert len(promises) > 10
    for name in re.findall(r"`([^`]+)`", " ".join(promises)):
        path, _, function = name.partition("::")
        assert f"def {function}" in (PROJECT / path).read_text(), name
