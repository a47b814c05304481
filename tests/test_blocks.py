"""Each block of the documents is run by a test, or it is listed here with the reason."""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import bcrypt_batch
from bcrypt_batch.tables.compute import Outcome
from bcrypt_batch.tables.results import json_lines
from bcrypt_batch.tables.rows import Row
from tests.documents import PROJECT, block, blocks, commands
from tests.invoked import call
from tests.processes import check, require
from tests.serving import serving

NOT_RUN = {
    ("benchmarks/README.md", "deploy"): "needs an AWS account; test_template.py has its parameters",
    ("README.md", "install"): "builds the package again; make test installs it the same way",
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
    text = block("README.md", "first").replace("cost=12", "cost=4")
    exec(text.replace("gensalt()", "gensalt(4)"), names)
    names["checker"].close()
    made, checked, stats = capsys.readouterr().out.splitlines()
    assert made.startswith("b'$2b$04$")
    assert checked == "[True, False]"
    assert stats.startswith("BatchStats(workers=")


def test_the_example_of_a_checker() -> None:
    exec(
        block("docs/api.md", "checker").replace("cost=12", "cost=4"), {"bcrypt_batch": bcrypt_batch}
    )


def test_the_example_of_a_shared_checker(tmp_path: Path) -> None:
    path = "/run/app/bcrypt.sock"
    (command,) = commands(block("docs/logins.md", "serve"))
    assert command == ["bcrypt-batch", "serve", "--socket", path]
    with serving(tmp_path) as server:
        names: dict[str, Any] = {}
        text = block("docs/logins.md", "shared").replace("cost=12", "cost=4")
        exec(text.replace(path, server.path), names)
        assert names["checker"].stats().finished == 2


def test_the_example_of_schemes(capsys: pytest.CaptureFixture[str]) -> None:
    text = block("docs/schemes.md", "schemes")
    exec(text.replace("cost=12", "cost=4"), {"bcrypt_batch": bcrypt_batch})
    assert capsys.readouterr().out == f"{text.rpartition('# ')[2]}"


def test_the_units_of_systemd(tmp_path: Path) -> None:
    """test_serve.py hands the socket over as these do."""
    require("systemd-analyze")
    units = {
        "bcrypt-batch.socket": block("docs/logins.md", "bcrypt-batch.socket"),
        "bcrypt-batch.service": block("docs/logins.md", "bcrypt-batch.service"),
    }
    for name, text in units.items():
        (tmp_path / name).write_text(text.replace("/opt/app/bin/bcrypt-batch", sys.executable))
    check(["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in units)])


def test_the_pre_hash() -> None:
    for password in (b"", b"x" * 1000, bytes(range(256))):
        names: dict[str, Any] = {"pepper": b"pepper", "password": password}
        exec(textwrap.dedent(block("SECURITY.md", "pre-hash")), names)
        assert len(names["key"]) == 64
        assert names["key"].isascii()
        assert hashlib.sha384(password).digest() not in base64.b64decode(names["key"])
        assert bcrypt_batch.hash_many([names["key"]], cost=4).errors == {}


def test_the_events() -> None:
    hashed = bcrypt_batch.hashpw(b"s3cret", b"$2b$04$" + b"." * 22).decode()
    lines = block("README.md", "events").replace("$2b$10$...", hashed)
    given = [json.loads(line) for line in lines.replace(": 12", ": 4").splitlines()]
    generated, made, checked = map(call, given)
    assert generated["processed"] == 20
    assert made["processed"] == 2
    assert checked["matches"] == [True]


def test_the_lines_of_results() -> None:
    values: list[tuple[Any, ...]] = [
        ("$2b$12$...", None), (None, "password_too_long"), (True, None, False, "bcrypt"),
        (True, None, True, "bcrypt"), (None, "malformed_row"),
    ]  # fmt: skip
    ids, lines = ("u1", "u2", "u3", "u4", None), (1, 1, 1, 1, 4)
    outcomes = [
        Outcome(Row(0, name, None, None, lines=count), *value)
        for name, count, value in zip(ids, lines, values, strict=True)
    ]
    assert block("docs/bulk.md", "results") == json_lines(outcomes, 1694).decode()
