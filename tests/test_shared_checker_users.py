"""SharedChecker and its server among several users of a machine: who may call, who is trusted."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import bcrypt_batch
from bcrypt_batch import CheckerAway, SharedChecker, listening, protocol
from tests.processes import PROJECT, program, require
from tests.serving import serving

HASH = bcrypt_batch.hashpw(b"right", b"$2b$04$" + b"." * 22)
NOBODY = 65534  # a user that owns nothing


def as_another_user() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can be several users")
    try:
        subprocess.run([sys.executable, "-c", "import bcrypt_batch"], user=NOBODY, check=True)
    except (PermissionError, subprocess.CalledProcessError):
        pytest.skip("another user can't run this Python, which is in a private folder")


def open_to_all(folder: Path) -> None:
    """Let other users pass to a folder below a private one, as pytest's are."""
    for parent in (folder, *folder.parents):
        with contextlib.suppress(PermissionError):
            os.chmod(parent, os.stat(parent).st_mode | 0o011)


def test_no_password_goes_to_another_users_server(tmp_path: Path) -> None:
    """Who made the file first in a folder of all: it gets a connection, and nothing on it."""
    as_another_user()
    open_to_all(tmp_path)
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o777)
    theirs.chmod(0o777)
    path = theirs / "socket"
    with subprocess.Popen(
        program("shared/another_users_server", path),
        cwd=PROJECT,
        user=NOBODY,
        stdout=subprocess.PIPE,
        text=True,
    ) as thief:
        assert thief.stdout
        assert thief.stdout.readline() == "listening\n"
        with (
            SharedChecker(path) as here,
            pytest.warns(RuntimeWarning, match="served by another user, number 65534"),
        ):
            assert here.check(b"right", HASH)
        with (
            SharedChecker(path, when_away="raise") as checker,
            pytest.warns(RuntimeWarning),
            pytest.raises(CheckerAway, match="another user"),
        ):
            checker.check(b"right", HASH)
        assert thief.stdout.readline() == "got 0 bytes\n"
        assert thief.stdout.readline() == "got 0 bytes\n"
        thief.terminate()


def test_no_password_goes_to_a_user_whom_a_namespace_does_not_map(tmp_path: Path) -> None:
    """Linux gives each such user the number that nobody has, who may be the client."""
    require("unshare")
    as_nobody = ["unshare", "--user", f"--map-user={NOBODY}"]
    if subprocess.run([*as_nobody, "true"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("no user namespaces here")
    as_another_user()
    open_to_all(tmp_path)
    tmp_path.chmod(0o777)
    with serving(tmp_path, "--mode", "0666", user=1) as server:
        command = [*as_nobody, *program("shared/check", server.path, HASH.hex())]
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
        assert "is served by number 65534, any user that" in done.stderr
        assert "no password goes there" in done.stderr
        server.end()
        assert "ended: 0 hashes" in server.said


def test_nobody_knows_a_server_of_nobody(tmp_path: Path) -> None:
    """Where all users are mapped, number 65534 is one user."""
    as_another_user()
    open_to_all(tmp_path)
    tmp_path.chmod(0o777)
    with serving(tmp_path, user=NOBODY) as server:
        command = program("shared/check", server.path, HASH.hex())
        subprocess.run(command, cwd=PROJECT, user=NOBODY, check=True)


@pytest.mark.parametrize(
    ("mode", "answer"), [("0600", b"bcq1\4\0\0\0"), ("0666", b"bcq1\0\x10\0\1")]
)
def test_a_server_takes_calls_of_its_user_unless_its_mode_says_more(
    mode: str, answer: bytes, tmp_path: Path
) -> None:
    """A connection of another user: by a file that was opened to all later, or by --mode."""
    as_another_user()
    open_to_all(tmp_path)
    with serving(tmp_path, "--mode", mode) as server:
        os.chmod(server.path, 0o666)
        message = bytes(protocol.request([(b"right", HASH[:29])], even_if_full=False))
        done = subprocess.run(
            program("shared/raw", server.path, message.hex()),
            cwd=PROJECT,
            user=NOBODY,
            capture_output=True,
            check=True,
        )
        assert done.stdout[:8] == answer


def test_another_users_socket_or_lock_is_refused(tmp_path: Path) -> None:
    as_another_user()
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(path)
    os.chown(path, NOBODY, NOBODY)
    with pytest.raises(OSError, match="is another user's socket"):
        listening.listen(path)
    os.unlink(path)
    os.chown(f"{path}.lock", NOBODY, NOBODY)
    with pytest.raises(OSError, match=r"belongs to another user"):
        listening.listen(path)
