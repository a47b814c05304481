"""Defaults, error codes and the version stand once in the code; documents say the same."""

from __future__ import annotations

import ast
import inspect
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import app
import bcrypt_batch
from bcrypt_batch import CheckerStats, ItemError, hash_many, verify_many
from bcrypt_batch.results import ERROR_CODES
from bcrypt_batch.schemes import SCHEMES
from bcrypt_batch.tables import rows
from bcrypt_batch.tables.commands.export import FORMATS
from bcrypt_batch.tables.targets import TARGETS
from request import EVENT_COST, FIELDS, INVALID_PASSWORD

PROJECT = Path(__file__).parent.parent
SCHEMA = json.loads((PROJECT / "events/schema.json").read_text())["$defs"]
HASH = b"$2b$04$" + b"." * 53
NAMES = ("cost", "rounds", "max_cost", "prefix")


def codes_in(file: str, start: str, end: str) -> set[str]:
    """Return the codes that a passage of a document names."""
    text = (PROJECT / file).read_text()
    passage = text[text.index(start) :]
    return set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", passage[: passage.index(end)]))


def test_the_codes_of_a_batch() -> None:
    made = hash_many([b"", None, b"x" * 73], cost=4)
    checked = verify_many([b""] * 4, [None, b"", b"$2b$31" + HASH[6:], b"$6$..."])
    errors = [*made.errors.values(), *checked.errors.values()]
    assert sorted(error.code for error in errors) == sorted(ERROR_CODES)
    source = (PROJECT / "ext/bcrypt_batch/_native.pyx").read_text()
    for code in re.findall(r"refused\[self\.seen\] = \(\s*\"(\w+)\"", source):
        assert code in ERROR_CODES


def test_the_codes_in_schema_and_documents() -> None:
    of_an_event = {*ERROR_CODES, INVALID_PASSWORD}
    items = SCHEMA["answer"]["properties"]["errors"]["items"]["properties"]
    assert {*items["code"]["enum"]} == of_an_event
    assert codes_in("docs/lambda.md", "**Errors.**", ";") == of_an_event
    assert codes_in("docs/api.md", "The codes are", ".") == {*ERROR_CODES}
    assert codes_in("docs/bulk.md", "| `error` |", "\n\n") == {*ERROR_CODES, *rows.ERROR_CODES}
    (about,) = re.findall("code: (.*?);", inspect.getdoc(ItemError) or "", re.DOTALL)
    assert {*re.findall(r"`(\w+)`", about)} == {*ERROR_CODES}


def numbers_of_their_own(file: Path) -> Iterator[str]:
    """Yield the places where a default of a cost or prefix is a literal."""
    for node in ast.walk(ast.parse(file.read_text())):
        pairs: list[tuple[str, ast.expr | None]] = []
        if isinstance(node, ast.arguments):
            plain = [*node.posonlyargs, *node.args]
            given = plain[len(plain) - len(node.defaults) :]
            pairs += zip([one.arg for one in given], node.defaults, strict=True)
            pairs += zip([one.arg for one in node.kwonlyargs], node.kw_defaults, strict=True)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            pairs.append((node.target.id, node.value))
        elif isinstance(node, ast.Call) and len(node.args) > 1:
            named = node.args[0] if ast.unparse(node.func) != "getattr" else node.args[1]
            if isinstance(named, ast.Constant) and isinstance(named.value, str):
                name = named.value.removeprefix("--").replace("-", "_")
                pairs += [(name, argument) for argument in node.args[2:]]
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = str(node.args[0].value).removeprefix("--").replace("-", "_")
            pairs += [(name, word.value) for word in node.keywords if word.arg == "default"]
        for name, value in pairs:
            if name in NAMES and isinstance(value, ast.Constant) and value.value is not None:
                yield f"{file.relative_to(PROJECT)}: {name} = {value.value!r}"


def test_no_default_is_a_number_of_its_own() -> None:
    files = [*PROJECT.glob("ext/bcrypt_batch/**/*.py"), *PROJECT.glob("handler/**/*.py")]
    assert len(files) > 40
    assert [found for file in files for found in numbers_of_their_own(file)] == []


def test_the_defaults_in_schema_and_documents() -> None:
    cost, highest = bcrypt_batch.DEFAULT_COST, bcrypt_batch.DEFAULT_MAX_COST
    fields = SCHEMA["request"]["properties"]
    assert fields["cost"]["default"] == EVENT_COST
    assert fields["max_cost"]["default"] == highest
    about = (PROJECT / "docs/lambda.md").read_text()
    assert f"| `cost`, `prefix` | 4 to 31, default {EVENT_COST};" in about
    assert f"the highest cost to check, 4 to 31, default {highest} |" in about
    api = (PROJECT / "docs/api.md").read_text()
    for name in ("hash_many", "verify_many"):
        function = getattr(bcrypt_batch, name)
        (documented,) = re.findall(rf"`{name}\((.*?)\)`", api)
        for parameter in inspect.signature(function).parameters.values():
            if parameter.default is not parameter.empty:
                said = repr(parameter.default).replace("b'", 'b"').replace("'", '"')
                assert f"{parameter.name}={said}" in documented
    assert f"cost={cost}," in api
    security = (PROJECT / "SECURITY.md").read_text()
    assert f"The default is {cost} in Python, {EVENT_COST} in events" in security


def test_the_fields_of_an_event_and_the_margin() -> None:
    about = (PROJECT / "docs/lambda.md").read_text()
    table = "".join(re.findall(r"^\| (.+?) \|", about, re.M))
    assert [name for name in FIELDS if f"`{name}`" not in table] == []
    assert f"The batch ends {app.MARGIN_S} s before the function's timeout" in about


def test_the_figures_of_a_checker_and_the_formats_of_exports() -> None:
    logins, bulk = ((PROJECT / f"docs/{name}.md").read_text() for name in ("logins", "bulk"))
    assert [name for name in CheckerStats.__slots__ if f"`{name}`" not in logins] == []
    assert [name for name in FORMATS if f"\n| `{name}` |" not in bulk] == []


def test_the_systems_that_hashes_are_made_for() -> None:
    bulk = (PROJECT / "docs/bulk.md").read_text()
    for name, target in TARGETS.items():
        mark = SCHEMES[target.scheme].mark.decode() if target.scheme else ""
        least, most = target.costs
        costs = f"{least} to {most}" if least < most else f"{least}"
        assert f"\n| `{name}` | `{mark}${target.prefix}$` | {costs} |" in bulk


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
