"""Each block of the documents is run by a test, or it is listed here with the reason."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

import bcrypt_batch
import benchmarks.__main__
from bcrypt_batch.tables.compute import Outcome
from bcrypt_batch.tables.lines import json_lines
from bcrypt_batch.tables.rows import Row
from tests.documents import PROJECT, block, blocks, commands
from tests.invoked import call

NOT_RUN = {
    ("README.md", "deploy"): "needs an AWS account; tests/deployment deploys to an emulator of it",
    ("README.md", "layer"): "builds in containers; tests/deployment builds and publishes a layer",
    ("docs/lambda.md", "layer"): "publishes; tests/deployment/test_publish.py does so to moto",
    ("docs/logins.md", "mod_wsgi"): "needs Apache with mod_wsgi",
    ("docs/lambda.md", "attach"): "needs a function in an AWS account",
    ("docs/lambda.md", "alias"): "needs a function in an AWS account",
}


def calls_of_block() -> Iterator[tuple[str, ...]]:
    """Yield the arguments of each call of `block` in the tests."""
    for file in (PROJECT / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "block":
                yield tuple(ast.literal_eval(argument) for argument in node.args)


def test_each_block_is_run_or_has_a_reason() -> None:
    listed = [(found.document, found.name) for found in blocks()]
    assert len(listed) > 20
    assert [name for name in listed if listed.count(name) > 1 or not name[1]] == []
    run = set(calls_of_block())
    assert run & NOT_RUN.keys() == set()
    assert run | NOT_RUN.keys() == {*listed}


def test_the_first_example(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    exec(block("README.md", "first").replace("cost=12", "cost=4"), names)
    names["checker"].close()
    made, checked, stats = capsys.readouterr().out.splitlines()
    assert made.startswith("b'$2b$04$")
    assert checked == "[True, False]"
    assert stats.startswith("BatchStats(workers=")


def test_the_example_of_a_checker() -> None:
    exec(
        block("docs/api.md", "checker").replace("cost=12", "cost=4"), {"bcrypt_batch": bcrypt_batch}
    )


def test_the_events() -> None:
    hashed = bcrypt_batch.hashpw(b"s3cret", b"$2b$04$" + b"." * 22).decode()
    lines = block("README.md", "events").replace("$2b$10$...", hashed).splitlines()
    generated, made, checked = (call(json.loads(line)) for line in lines)
    assert (generated["processed"], generated["cost"]) == (20, 10)
    assert (made["processed"], made["cost"]) == (2, 12)
    assert checked["matches"] == [True]


def test_the_lines_of_results() -> None:
    values: list[tuple[str | bool | None, str | None]] = [
        ("$2b$12$...", None), (None, "password_too_long"), (True, None), (None, "malformed_row"),
    ]  # fmt: skip
    ids, lines = ("u1", "u2", "u3", None), (1, 1, 1, 4)
    outcomes = [
        Outcome(Row(0, name, None, None, lines=count), *value)
        for name, count, value in zip(ids, lines, values, strict=True)
    ]
    assert block("docs/bulk.md", "results") == json_lines(outcomes, 1694).decode()


# Which of the commands below a test can only look at.
COMMANDS = (
    block("README.md", "make"),
    block("docs/measured.md", "emulator"),
    block("docs/measured.md", "cold-starts"),
    block("benchmarks/README.md", "peers"),
    block("benchmarks/README.md", "small"),
    block("benchmarks/README.md", "logins"),
    block("benchmarks/README.md", "account"),
    block("benchmarks/README.md", "emulator"),
)


def of_benchmarks(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    """Let a benchmark's own parser read a command's options."""
    name = words[0].replace("-", "_")
    room = benchmarks.__main__.commands()[words[0]].parent.name
    module = importlib.import_module(f"benchmarks.{room}.{name}")
    monkeypatch.setattr(module, "run", lambda _: 77)
    monkeypatch.setattr(sys, "argv", ["benchmarks", *words])
    assert benchmarks.__main__.main() == 77


@pytest.mark.parametrize(
    "words", [words for text in COMMANDS for words in commands(text)], ids=" ".join
)
def test_it_is_a_command(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its targets, options and groups exist."""
    program, *rest = (word for word in words if not word.startswith("PATH="))
    if program == "make":
        done = subprocess.run(
            ["make", "--dry-run", *rest], cwd=PROJECT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        for given in re.findall(r"python -m benchmarks (.+)", done.stdout):
            of_benchmarks(monkeypatch, given.split())
    elif program == "pip":
        groups = tomllib.loads((PROJECT / "pyproject.toml").read_text())["dependency-groups"]
        assert rest[:2] == ["install", "--group"]
        assert rest[2] in groups
    else:
        assert program in ("python", ".venv/bin/python")
        assert rest[:2] == ["-m", "benchmarks"]
        of_benchmarks(monkeypatch, rest[2:])
