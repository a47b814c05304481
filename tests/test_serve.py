"""`bcrypt-batch serve`: its begin, its end, and what it refuses."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import socket
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import bcrypt_batch
from bcrypt_batch import SharedChecker, listening
from tests.processes import PATIENCE_S, PROJECT, program
from tests.serving import serving, until

HASH = bcrypt_batch.hashpw(b"right", b"$2b$04$" + b"." * 22)
COSTLY = HASH.replace(b"$04$", b"$14$")  # computing it takes seconds


def test_it_says_a_line_at_its_start_and_one_at_its_end(tmp_path: Path) -> None:
    with serving(tmp_path) as server, server.checker() as checker:
        assert checker.check(b"right", HASH)
        assert server.end() == 0
        begin, end = server.said.splitlines()
        kernel = bcrypt_batch.kernels().chosen
        assert begin == (
            f"bcrypt-batch: serving {server.path}: 2 workers, 4 lanes each, kernel {kernel}"
        )
        assert re.fullmatch(
            r"bcrypt-batch: ended: 1 hashes, 0 calls refused, 0 abandoned, P95 of waits 0\.\d+ s",
            end,
        )
        assert not os.path.exists(server.path)


def test_a_signal_lets_it_finish(tmp_path: Path) -> None:
    with (
        serving(tmp_path) as server,
        server.checker() as checker,
        ThreadPoolExecutor(1) as threads,
    ):
        call = threads.submit(checker.hash, b"", cost=11)
        until(lambda: checker.stats().in_flight)
        assert server.end() == 0
        assert call.result().startswith(b"$2b$11$")


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    """Its client computes the call itself."""
    with (
        serving(tmp_path) as server,
        server.checker(when_away="compute") as checker,
        ThreadPoolExecutor(1) as threads,
    ):
        call = threads.submit(checker.check, b"right", COSTLY)
        until(lambda: checker.stats().in_flight)
        server.process.send_signal(signal.SIGTERM)
        until(lambda: not os.path.exists(server.path))
        assert server.end() == 128 + signal.SIGTERM
        assert call.result() is False
        assert checker.stats().computed_here == 1


@pytest.mark.parametrize("left", ["nothing", "a stale socket"])
def test_a_killed_servers_socket_is_replaced(left: str, tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        server.end(signal.SIGKILL)
        assert os.path.exists(server.path)
        if left == "nothing":
            os.unlink(server.path)
        with serving(tmp_path) as second, second.checker() as checker:
            assert checker.check(b"right", HASH)
            assert os.stat(second.path).st_mode & 0o777 == 0o600


def refusal(folder: Path, *options: str) -> str:
    """Return why a server doesn't start."""
    command = [sys.executable, "-m", "bcrypt_batch", "serve", *options]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    return done.stderr.replace(str(folder), "").strip()


def test_what_it_refuses(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    at = ("--socket", str(path))
    with serving(tmp_path) as server:
        assert refusal(tmp_path, *at) == "bcrypt-batch: /socket: another server is there"
        server.end()
    path.symlink_to("elsewhere")
    assert refusal(tmp_path, *at).startswith("bcrypt-batch: /socket: is a symbolic link")
    path.unlink()
    path.write_text("precious")
    assert refusal(tmp_path, *at) == "bcrypt-batch: /socket: exists, and is not a socket"
    assert path.read_text() == "precious"
    path.unlink()
    lock = tmp_path / "socket.lock"
    lock.unlink()
    lock.symlink_to("elsewhere")
    assert "/socket.lock: Too many levels of symbolic links" in refusal(tmp_path, *at)
    assert "1 to 107 bytes, not 300" in refusal(tmp_path, "--socket", "x" * 300)
    assert "octal mode" in refusal(tmp_path, *at, "--mode", "0844")
    assert "--socket PATH" in refusal(tmp_path)
    assert "No such file or directory" in refusal(tmp_path, "--socket", f"{tmp_path}/no/socket")


def test_a_server_that_starts_or_ends_keeps_the_path(tmp_path: Path) -> None:
    """It has the lock, and no socket yet, or no more."""
    path = str(tmp_path / "socket")
    with open(f"{path}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        expected = "bcrypt-batch: /socket: another server is there"
        assert refusal(tmp_path, "--socket", path) == expected


def test_a_socket_that_another_program_serves_is_refused(tmp_path: Path) -> None:
    """Without our lock, and also if its backlog is full."""
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "socket"))
        other.listen(0)
        for _ in range(3):
            expected = "bcrypt-batch: /socket: another server is there"
            assert refusal(tmp_path, "--socket", str(tmp_path / "socket")) == expected


def test_it_ends_when_its_socket_is_removed_or_replaced(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        os.unlink(server.path)
        assert server.process.wait() == 0
    with serving(tmp_path) as server:
        os.unlink(server.path)
        Path(server.path).write_text("another program's")
        assert server.process.wait() == 0
        assert Path(server.path).read_text() == "another program's"


def test_it_ends_when_nobody_has_called(tmp_path: Path) -> None:
    with serving(tmp_path, "--idle-exit", "0.5") as server:
        assert server.process.wait() == 0
        assert not os.path.exists(server.path)


def test_systemd_hands_over_a_socket_and_is_told(tmp_path: Path) -> None:
    """The socket stays when the server ends: it is systemd's."""
    path, told = tmp_path / "socket", tmp_path / "told"
    with (
        socket.socket(socket.AF_UNIX) as listener,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified,
    ):
        listener.bind(str(path))
        listener.listen()
        notified.bind(str(told))
        number = listener.fileno()
        notified.settimeout(PATIENCE_S)
        process = subprocess.Popen(
            program("shared/handed_over", number),
            cwd=PROJECT,
            env={**os.environ, "LISTEN_FDS": "1", "NOTIFY_SOCKET": str(told)},
            pass_fds=[number],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert notified.recv(100) == b"READY=1"
        with SharedChecker(path, when_away="raise") as checker:
            assert checker.check(b"right", HASH)
        process.send_signal(signal.SIGTERM)
        assert notified.recv(100) == b"STOPPING=1"
        _, said = process.communicate()
        assert process.returncode == 0
        assert f"serving {path}" in said
        assert path.exists()


@pytest.mark.parametrize("umask", [0o277, 0o777])
def test_the_umask_takes_nothing_from_the_owner(umask: int, tmp_path: Path) -> None:
    """Else nobody but root could open the lock again, and start the next server."""
    path = tmp_path / "socket"
    before = os.umask(umask)
    try:
        for mode in (0o600, 0o660):
            with listening.listen(str(path), mode):
                assert stat.S_IMODE(path.stat().st_mode) == mode
                assert stat.S_IMODE(os.stat(f"{path}.lock").st_mode) == 0o600
    finally:
        os.umask(before)
