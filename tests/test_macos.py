"""What is left out on macOS, and what takes its place.

No test ran on macOS yet. On Linux test_engine_alone.py and test_checker_queue.py run what the
engine does on macOS, `make macos` runs an extension that does so, and `make lint` compiles one.
"""

from __future__ import annotations

import ast
import errno
import fcntl
import os
import re
import socket
import types
from pathlib import Path

import pytest

import bcrypt_batch
from bcrypt_batch import CheckerAway, SharedChecker, listening, pool
from bcrypt_batch.tables import cli, newfiles
from tests.conftest import LINUX_FILES, LINUX_TESTS
from tests.processes import PROJECT

NEEDS_LINUX = "the server of a SharedChecker needs Linux: use a Checker, or run the server "


@pytest.fixture
def macos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "sys", types.SimpleNamespace(platform="darwin"))


@pytest.mark.usefixtures("macos")
class TestTheServer:
    @pytest.mark.parametrize("arguments", [[], ["--socket", "unused"]])
    def test_is_refused_by_name(
        self, arguments: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert cli.main(["serve", *arguments]) == cli.USAGE
        error = capsys.readouterr().err
        assert NEEDS_LINUX in error
        assert error.count("\n") == 1
        assert not Path("unused").exists()

    def test_is_not_started_by_a_checker(self, tmp_path: Path) -> None:
        with pytest.raises(OSError, match=NEEDS_LINUX) as refused:
            SharedChecker(tmp_path / "socket", start=True)
        assert refused.value.errno == errno.ENOTSUP
        assert not os.listdir(tmp_path)

    def test_is_away_for_every_call_whoever_listens(self, tmp_path: Path) -> None:
        """Who listens can't be told there, so nobody gets a password."""
        hashed = bcrypt_batch.hashpw(b"right", bcrypt_batch.gensalt(4))
        path = tmp_path / "socket"
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.bind(str(path))
            stranger.listen()
            stranger.setblocking(False)
            with SharedChecker(path) as checker:
                assert checker.check(b"right", hashed, timeout=20)
                stats = checker.stats()
                assert (stats.served, stats.computed_here) == (False, 1)
            with (
                SharedChecker(path, when_away="raise") as checker,
                pytest.raises(CheckerAway, match=f"no server at {path}: {NEEDS_LINUX}"),
            ):
                checker.check(b"right", hashed, timeout=20)
            with pytest.raises(BlockingIOError):
                stranger.accept()


def test_what_is_built_without_a_server_calls_none() -> None:
    """server.h has a macro for each function that the boundary calls."""
    header = (PROJECT / "ext/engine/server.h").read_text()
    called = re.findall(
        r"\b(bb_server_\w+)\(", (PROJECT / "ext/bcrypt_batch/_server.pxi").read_text()
    )
    assert len({*called}) == 5
    assert {*called} == {*re.findall(r"^#define (bb_server_\w+)\(", header, re.MULTILINE)}


def test_no_limit_on_tasks_is_named_without_proc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1234)
    monkeypatch.setattr("resource.getrlimit", lambda _: (100, 100))
    assert not [
        limit
        for limit in pool.limits_on_threads(4, f"{tmp_path}/proc", f"{tmp_path}/cgroup")
        if "tasks" in limit
    ]


@pytest.mark.parametrize("refused", [False, True])
def test_files_are_flushed_out_of_the_drives_cache(
    refused: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = []

    def flush(descriptor: int, command: int) -> None:
        asked.append((descriptor, command))
        if refused:
            raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", flush)
    with open(tmp_path / "out", "wb") as file:
        assert newfiles.sync(file.fileno(), "out") == (not refused)
        assert asked == [(file.fileno(), 51)]
    assert ("has no fsync" in capsys.readouterr().err) == refused


def test_only_platform_h_asks_for_the_system() -> None:
    asking = {
        file.name
        for file in (PROJECT / "ext/engine").glob("*.[ch]")
        if re.search(r"__APPLE__|__linux__|__MACH__|TARGET_OS", file.read_text())
    }
    assert asking == {"platform.h"}


def test_the_tests_that_need_linux_are_there() -> None:
    for name in LINUX_FILES:
        assert (PROJECT / "tests" / name).is_file(), name
    for name, listed in LINUX_TESTS.items():
        functions = {
            node.name
            for node in ast.walk(ast.parse((PROJECT / "tests" / name).read_text()))
            if isinstance(node, ast.FunctionDef)
        }
        assert {*listed} <= functions, name
