"""SharedChecker: one server for all, started by the first that needs it."""

from __future__ import annotations

import asyncio
import errno
import os
import shlex
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import bcrypt_batch
from bcrypt_batch import CheckerAway, CheckerTimeout, SharedChecker, starting
from tests.processes import PROGRAMS, check_program
from tests.serving import servers_at, until

HASH = bcrypt_batch.hashpw(b"right", b"$2b$04$" + b"." * 22)


def test_the_first_of_many_processes_starts_the_server(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with ThreadPoolExecutor(6) as threads:
        asked = [threads.submit(check_program, "shared/start", path, HASH.hex()) for _ in range(6)]
        assert {call.result() for call in asked} == {""}
    (server,) = servers_at(path)
    assert os.getsid(server) not in (os.getsid(0), 0)
    assert os.readlink(f"/proc/{server}/fd/2") == "/dev/null"
    os.kill(server, signal.SIGKILL)
    with SharedChecker(path, start=True, when_away="raise") as checker:
        until(lambda: not os.path.exists(f"/proc/{server}"))
        assert checker.check(b"right", HASH)
        assert asyncio.run(checker.check_async(b"right", HASH))
    path.unlink()  # so that it ends


def test_a_server_that_does_not_start_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/python-that-is-missing")
    path = tmp_path / "socket"
    with SharedChecker(path, start=True) as checker:
        assert checker.check(b"right", HASH)
        assert checker.stats().computed_here == 1
    with (
        SharedChecker(path, start=True, when_away="raise") as checker,
        pytest.raises(CheckerAway, match="none starts"),
    ):
        checker.check(b"right", HASH)
    assert not path.exists()


# Waits until a file is there, a while at most.
SLOW_PYTHON = """\
#!/bin/sh
for _ in $(seq 1000); do
    [ -e {go} ] && exec {python} "$@"
    sleep 0.01
done
exit 1
"""


def launch_by(script: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a script as the Python that servers are started with."""
    python = folder / "python"
    python.write_text(script)
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))


def check(asks: str, checker: SharedChecker, **options: float) -> bool:
    if asks == "thread":
        return checker.check(b"right", HASH, **options)
    return asyncio.run(checker.check_async(b"right", HASH, **options))


@pytest.mark.parametrize("asks", ["thread", "loop"])
def test_the_call_that_starts_a_server_keeps_its_timeout(
    asks: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The start goes on, for later calls and for other processes."""
    path, go = tmp_path / "socket", tmp_path / "go"
    launch_by(SLOW_PYTHON.format(go=go, python=sys.executable), tmp_path, monkeypatch)
    with SharedChecker(path, start=True, when_away="raise") as checker:
        with pytest.raises(CheckerTimeout):
            check(asks, checker, timeout=0.05)
        go.touch()
        assert check(asks, checker)
        launched = checker._client._launched
        assert launched is not None
        until(lambda: launched.process.returncode == 0)  # no zombie
    path.unlink()  # so that it ends


@pytest.mark.parametrize("asks", ["thread", "loop"])
def test_a_server_that_fails_when_it_was_launched_is_away(
    asks: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch_by("#!/bin/sh\necho no room >&2\n", tmp_path, monkeypatch)
    with SharedChecker(tmp_path / "socket", start=True, when_away="raise") as checker:
        for _ in range(2):
            with pytest.raises(CheckerAway, match=r"none starts: no room$"):
                check(asks, checker)


def test_a_server_that_fails_where_nobody_gets_its_status_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not started over and over."""
    log = tmp_path / "log"
    launch_by(f"#!/bin/sh\necho started >> {log}\n", tmp_path, monkeypatch)
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with (
            SharedChecker(tmp_path / "socket", start=True, when_away="raise") as checker,
            pytest.raises(CheckerAway, match="none starts: it ended without a word"),
        ):
            checker.check(b"right", HASH)
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert log.read_text() == "started\n"


@pytest.mark.parametrize("asks", ["thread", "loop"])
def test_a_server_that_fails_after_it_was_detached_is_away(
    asks: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not started over and over."""
    log = tmp_path / "log"
    fails = shlex.join([sys.executable, str(PROGRAMS / "shared/fails_late.py"), str(log)])
    launch_by(f'#!/bin/sh\nexec {fails} "$@"\n', tmp_path, monkeypatch)
    with SharedChecker(tmp_path / "socket", start=True, when_away="raise") as checker:
        for _ in range(3):
            with pytest.raises(CheckerAway, match="none starts: bcrypt-batch: no memory"):
                check(asks, checker)
    assert log.read_text() == "started\n"


def test_a_system_without_processes_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its refusal is the error by which a path's other server is known."""

    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(starting.subprocess, "Popen", refuse)  # type: ignore[attr-defined]
    with (
        SharedChecker(tmp_path / "socket", start=True, when_away="raise") as checker,
        pytest.raises(CheckerAway, match=r"none starts: .*the system refuses a process"),
    ):
        checker.check(b"right", HASH)


@pytest.mark.parametrize("missing", [(0,), (0, 1, 2)])
def test_a_process_without_standard_streams_starts_a_server(
    missing: tuple[int, ...], tmp_path: Path
) -> None:
    """The socket and its lock get their numbers, which the server needs for its own."""
    path = tmp_path / "socket"
    check_program("shared/without_streams", path, HASH.hex(), *missing)
    path.unlink()  # so that it ends


def test_a_signal_that_the_first_call_has_blocked_reaches_the_server(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    try:
        with SharedChecker(path, start=True, when_away="raise") as checker:
            assert checker.check(b"right", HASH)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    (server,) = servers_at(path)
    assert f"SigBlk:\t{0:016x}\n" in Path(f"/proc/{server}/status").read_text()
    path.unlink()  # so that it ends


@pytest.mark.parametrize("place", ["beside the package", "PYTHONPATH"])
def test_another_module_of_a_librarys_name_harms_no_start(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PyPI's argparse is often installed; Python itself finds its own first."""
    (tmp_path / "argparse.py").write_text("raise ImportError")
    if place == "PYTHONPATH":
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    else:
        (tmp_path / "bcrypt_batch").symlink_to(Path(bcrypt_batch.__file__).parent)
        monkeypatch.setattr(starting, "__file__", str(tmp_path / "bcrypt_batch" / "starting.py"))
    path = tmp_path / "socket"
    with SharedChecker(path, start=True, when_away="raise") as checker:
        assert checker.check(b"right", HASH)
    path.unlink()  # so that it ends
