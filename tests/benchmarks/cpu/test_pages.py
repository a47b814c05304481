"""The benchmark of pages: gunicorn's workers and ab, and what stands in the way of a figure."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import bcrypt
import pytest

from bcrypt_batch import SharedChecker
from benchmarks import __main__ as command
from benchmarks.cpu import pages
from benchmarks.processes import PASSWORD, WAYS, server
from emulator.problem import Problem
from tests.processes import require, require_library

HASH = bcrypt.hashpw(PASSWORD, bcrypt.gensalt(4))


@pytest.fixture
def installed() -> None:
    require("ab")
    require_library("gunicorn")


@pytest.mark.usefixtures("installed")
def test_each_way_has_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MOST_PAGES", 30)
    options = ["--cost", "4", "--processes", "2", "--clients", "3", "--turns", "1"]
    monkeypatch.setattr(sys, "argv", ["benchmarks", "pages", *options, "--output", str(tmp_path)])
    assert command.main() == 0
    about = json.loads((tmp_path / "pages.json").read_text())
    assert about["machine"]["gunicorn"]
    found = about["results"]["closed"]["3"]
    assert [*found] == [*WAYS]
    assert min(figures["per_second"] for figures in found.values()) > 0
    assert "clients of gunicorn's 2 sync workers" in (tmp_path / "pages.svg").read_text()


@pytest.mark.usefixtures("installed")
def test_no_page_of_a_turn_is_left_for_the_next() -> None:
    """When its time is up, ab leaves requests behind."""
    hashed = bcrypt.hashpw(PASSWORD, bcrypt.gensalt(10))
    with server(1, 10) as path, pages.gunicorn("shared", hashed, path, 1) as port:
        loaded = pages.turn(port, 8, 1, 1)
        stats = SharedChecker(path).stats()
    assert (stats.waiting, stats.in_flight) == (0, 0)
    assert 0 < len(loaded.times_ms) < stats.finished


@pytest.mark.usefixtures("installed")
def test_a_wrong_answer_is_a_problem(capfd: pytest.CaptureFixture[str]) -> None:
    wrong = bcrypt.hashpw(b"another", bcrypt.gensalt(4))
    with (
        pages.gunicorn("pyca", wrong, "", 1) as port,
        pytest.raises(Problem, match=r"^3 pages failed: see gunicorn's messages above"),
    ):
        pages.ask(port, 1, "-n", 3)
    assert "AssertionError" in capfd.readouterr().err


@pytest.mark.usefixtures("installed")
def test_workers_that_do_not_start_are_a_problem(capfd: pytest.CaptureFixture[str]) -> None:
    with (
        pages.gunicorn("shared", HASH, "long" * 99, 1) as port,
        pytest.raises(Problem, match=r"^pages did not come: see gunicorn's messages above"),
    ):
        pages.ask(port, 1, "-n", 1)
    assert "a socket's path has 1 to 107 bytes" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("missing", "package"), [("ab", "apache2-utils"), ("gunicorn", "--group servers")]
)
def test_what_is_missing_is_named(
    missing: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None if name == missing else name)
    monkeypatch.setattr(pages, "find_spec", lambda name: None if name == missing else name)
    monkeypatch.setattr(pages, "machine", pytest.fail)  # nothing has begun
    monkeypatch.setattr(sys, "argv", ["benchmarks", "pages"])
    said = command.main()
    assert f"pages: {missing} is" in str(said)
    assert package in str(said)
