"""PostgreSQL and MariaDB in folders of their own, reached by a socket only."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.processes import PATIENCE_S, require

NOBODY = 65534  # the servers refuse to run as root
SERVERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))  # Debian's


class Database(NamedTuple):
    """A running server.

    Attributes:
        folder: A folder that it may write to.
        client: Its client with the options to reach it; reads SQL from standard input.
        environment: What lets the client reach it without options.
    """

    folder: Path
    client: list[str]
    environment: dict[str, str]

    def ask(self, sql: str, *options: str) -> bytes:
        """Run SQL; return what the client writes."""
        return _run([*self.client, *options], sql.encode())


def _nobody() -> dict[str, Any]:
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}


def _run(command: list[str], given: bytes = b"") -> bytes:
    done: subprocess.CompletedProcess[bytes] = subprocess.run(
        command, input=given, capture_output=True, timeout=PATIENCE_S, **_nobody()
    )
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout


@contextmanager
def _serving(folder: Path, command: list[str], answers: Callable[[], object]) -> Iterator[None]:
    """Run a server until the block ends; wait until it answers."""
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **_nobody())
    try:
        ends = time.monotonic() + PATIENCE_S
        while True:
            try:
                answers()
                break
            except AssertionError:
                said = (folder / "log").read_text(errors="replace")
                assert server.poll() is None, said
                assert time.monotonic() < ends, said
                time.sleep(0.02)
        yield
    finally:
        server.terminate()
        server.wait(PATIENCE_S)


@contextmanager
def _folder() -> Iterator[Path]:
    # Not pytest's folder, which only its owner may enter.
    with tempfile.TemporaryDirectory() as name:
        if os.getuid() == 0:
            os.chown(name, NOBODY, NOBODY)
        yield Path(name)


@contextmanager
def postgres() -> Iterator[Database]:
    """Run a PostgreSQL whose text is any bytes; skip if it isn't installed."""
    require("psql")
    if not SERVERS:
        pytest.skip("PostgreSQL's server is not installed (Debian's postgresql)")
    with _folder() as folder:
        data = str(folder / "data")
        names = ["--auth", "trust", "--username", "postgres"]
        text = ["--encoding", "SQL_ASCII", "--locale", "C"]
        _run([str(SERVERS[-1] / "initdb"), "--no-sync", *names, *text, "-D", data])
        server = [str(SERVERS[-1] / "postgres"), "-D", data, "-k", str(folder), "-F"]
        client = ["psql", "--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1"]
        reached = [*client, "-h", str(folder), "-U", "postgres"]
        first = Database(folder, [*reached, "postgres"], {})
        with _serving(folder, [*server, "-c", "listen_addresses="], lambda: first.ask("")):
            first.ask("create database app")
            place = {"PGHOST": str(folder), "PGUSER": "postgres"}
            yield Database(folder, [*reached, "app"], place)


@contextmanager
def mariadb() -> Iterator[Database]:
    """Run a MariaDB without system tables; skip if it isn't installed."""
    require("mariadbd", "mariadb")
    with _folder() as folder:
        for name in ("data", "data/mysql", "data/app", "temporary"):
            (folder / name).mkdir()
            os.chown(folder / name, *((NOBODY, NOBODY) if os.getuid() == 0 else (-1, -1)))
        socket = f"--socket={folder}/socket"
        server = [
            "mariadbd", "--no-defaults", f"--datadir={folder}/data", f"--tmpdir={folder}/temporary",
            socket, f"--pid-file={folder}/pid", "--skip-networking", "--skip-grant-tables",
            "--innodb=OFF", "--default-storage-engine=Aria", "--aria-log-file-size=8M",
        ]  # fmt: skip
        options = f"[client]\nsocket={folder}/socket\n"
        (folder / ".my.cnf").write_text(options)
        database = Database(
            folder,
            ["mariadb", "--no-defaults", socket, "--default-character-set=utf8mb4", "app"],
            {"HOME": str(folder)},
        )
        with _serving(folder, server, lambda: database.ask("select 1")):
            yield database
