"""Signals that stop a command: handled while an input is silent, and no partial file stays."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from bcrypt_batch.tables.cli import main
from bcrypt_batch.tables.commands.export import FORMATS
from bcrypt_batch.tables.importers import AUTH0
from bcrypt_batch.tables.inputs import open_input
from bcrypt_batch.tables.interrupts import STOPPING, Interrupts
from bcrypt_batch.tables.newfiles import NewFiles
from tests.processes import preloading, require
from tests.tables.programs import COMMAND

PROGRAMS = Path(__file__).parent.parent / "programs"
HASH = "$2b$10$" + "a" * 53


@pytest.fixture(scope="module")
def before_wait(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a library that raises a signal between Python's last check for signals and a wait."""
    require("cc")
    library = tmp_path_factory.mktemp("preloaded") / "signal_before_wait.so"
    source = PROGRAMS / "signal_before_wait.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


@pytest.mark.parametrize(
    ("number", "piped", "command"),
    [
        (signal.SIGTERM, "-", ("hash",)),
        (signal.SIGTERM, "pipe", ("hash",)),
        (signal.SIGINT, "pipe", ("verify",)),
        (signal.SIGHUP, "-", ("export", "firebase")),
        (signal.SIGTERM, "pipe", ("export", "firebase")),
    ],
)
def test_a_signal_just_before_a_silent_input_is_waited_for(
    tmp_path: Path, before_wait: Path, number: int, piped: str, command: tuple[str, ...]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    form = () if command[0] == "export" else ("--format", "csv")
    process = subprocess.Popen(
        [*COMMAND, *command, piped, "--output", "o", *form], cwd=tmp_path,
        stdin=subprocess.PIPE, stderr=subprocess.PIPE,
        env={
            **os.environ,
            "LD_PRELOAD": preloading(before_wait),
            "SIGNAL_BEFORE_WAIT": str(int(number)),
        },
    )  # fmt: skip
    try:
        assert process.wait(timeout=60) == 128 + number
        assert process.stderr is not None
        assert f"stopped by {signal.Signals(number).name}" in process.stderr.read().decode()
    finally:
        process.kill()
        process.communicate()
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


@pytest.mark.parametrize(
    "command", [("hash", "users.csv", "--cost", "4"), ("export", "firebase", "made")]
)
def test_a_signal_just_before_a_pipe_that_nobody_reads(
    tmp_path: Path, before_wait: Path, command: tuple[str, ...]
) -> None:
    """It ends the command, which reports the complete rows, and doesn't wait to write the rest."""
    (tmp_path / "users.csv").write_bytes(b"id,password\n" + b"u,p\n" * 100)
    lines = (json.dumps({"row": i, "id": f"u{i}", "hash": HASH}) for i in range(200))
    (tmp_path / "made").write_text("\n".join(lines))
    process = subprocess.Popen(
        [*COMMAND, *command, "--output", "-"], cwd=tmp_path,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "LD_PRELOAD": str(before_wait), "SIGNAL_BEFORE_WAIT": "15"},
    )  # fmt: skip
    assert process.stdout is not None
    fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
    try:
        assert process.wait(timeout=60) == 128 + signal.SIGTERM
        out, err = process.communicate()
        assert b"stopped by SIGTERM" in err
        if command[0] == "hash":
            assert b"%d rows:" % out.count(b"\n") in err
    finally:
        process.kill()
        process.communicate()


def test_an_ignored_signal_stays_ignored() -> None:
    """As under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with (interrupts := Interrupts()).raised(), suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGHUP)
        assert interrupts.signal is None
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_second_signal_does_not_interrupt_the_cleaning_up() -> None:
    interrupts = Interrupts()
    with interrupts.raised():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGHUP)
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt:
            pytest.fail("the second signal was raised")
    assert interrupts.status == 128 + signal.SIGHUP


def test_a_signal_whose_exception_was_dropped_ends_a_wait_for_input() -> None:
    """As a finalizer or a weak reference's callback drops exceptions."""
    interrupts = Interrupts()
    reader, writer = os.pipe()
    timer = threading.Timer(60, os.write, (writer, b"x"))  # else it would wait for ever
    timer.start()
    try:
        with interrupts.raised(), open_input(f"/dev/fd/{reader}", interrupts) as file:
            with suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGTERM)
            with pytest.raises(KeyboardInterrupt):
                file.read(1)
    finally:
        timer.cancel()
        os.close(reader)
        os.close(writer)


@pytest.fixture
def three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return results that fill three files of auth0's."""
    small = FORMATS["auth0"]._replace(request=AUTH0._replace(most_bytes=200))
    monkeypatch.setitem(FORMATS, "auth0", small)
    file = tmp_path / "hashed.jsonl"
    lines = ({"row": i, "id": f"u{i}", "email": f"u{i}@x", "hash": HASH} for i in range(3))
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("place", "call"),
    [(os, "link"), (os, "replace"), (tempfile, "mkstemp"), (NewFiles, "_sync_folder")],
)
def test_a_signal_while_files_are_made_or_named(
    three: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: Any, call: str
) -> None:
    """Afterwards all files exist or none, and nothing else."""
    real = getattr(place, call)

    def interrupted(*arguments: Any, **named: Any) -> Any:
        done = real(*arguments, **named)
        signal.raise_signal(signal.SIGTERM)
        return done

    monkeypatch.setattr(place, call, interrupted)
    force = ["--force"] if call == "replace" else []
    status = main(["export", "auth0", str(three), "--output", str(tmp_path / "u.json"), *force])
    made = [f"u-000{number}.json" for number in (1, 2, 3)]
    assert (status, names(tmp_path)) in [(0, ["hashed.jsonl", *made]), (143, ["hashed.jsonl"])]


@pytest.mark.parametrize("links", [True, False])
def test_a_name_taken_meanwhile_leaves_none_of_the_others(
    three: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], links: bool,
) -> None:  # fmt: skip
    real = os.link
    taken = tmp_path / "u-0002.json"

    def link(source: str, target: str) -> None:
        taken.write_bytes(b"precious")
        if not links:
            raise PermissionError
        real(source, target)

    monkeypatch.setattr(os, "link", link)
    assert main(["export", "auth0", str(three), "--output", str(tmp_path / "u.json")]) == 2
    assert f"{taken} exists; use --force to replace it" in capsys.readouterr().err
    assert names(tmp_path) == ["hashed.jsonl", "u-0002.json"]
    assert taken.read_bytes() == b"precious"


def test_help_names_the_signals() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "bcrypt_batch", "--help"], capture_output=True, check=True
    ).stdout.decode()
    for number in STOPPING:
        assert str(128 + number) in said
