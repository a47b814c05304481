"""A table that is killed, stopped or short of disk, and goes on."""

from __future__ import annotations

import csv
import io
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bcrypt_batch.tables.cli import main
from bcrypt_batch.tables.compute import Stretch, compute
from bcrypt_batch.tables.interrupts import STOPPING
from bcrypt_batch.tables.output import Output
from tests.examples import THOROUGH, thorough
from tests.tables.programs import start, succeed, wait_for_lines
from tests.tables.samples import check, users


@thorough
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_killed_three_times_and_torn(large: Path, tmp_path: Path, form: str) -> None:
    output = tmp_path / f"out.{form}"
    options = ("hash", large, "--output", output, "--cost", "6", "--resume")
    lines = 1
    for tail in (b'{"row": 99', b'5000,"half of', b"") if form == "csv" else (b'{"row', b"x", b""):
        with start(*options) as process:
            wait_for_lines(output, lines + 50, process)
            process.kill()
        with output.open("ab") as file:
            file.write(tail)
        lines = output.read_bytes().count(b"\n")
        assert lines < 4000
    said = succeed(*options, status=1)
    assert "4,000 rows" in said
    if form == "jsonl":
        check(output.read_bytes().splitlines(), users(4000))
    else:
        records = list(csv.DictReader(io.StringIO(output.read_bytes().decode(), newline="")))
        as_json = [
            {"row": int(r["row"]), **{k: r[k] for k in ("id", "hash", "error") if r[k]}}
            for r in records
        ]
        check([json.dumps(record).encode() for record in as_json], users(4000), matches=False)
    assert output.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("number", STOPPING if THOROUGH else [signal.SIGTERM])
def test_stopped(large: Path, tmp_path: Path, number: signal.Signals) -> None:
    """As a process; the next test sends each signal."""
    output = tmp_path / "out.jsonl"
    options = ("hash", large, "--output", output, "--cost", "7", "--resume")
    with start(*options) as process:
        wait_for_lines(output, 10, process)
        before = output.read_bytes().count(b"\n")
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert f"stopped by {number.name}, incomplete: --resume goes on".encode() in err
    assert b"Traceback" not in err
    content = output.read_bytes()
    assert content.endswith(b"\n")
    done = content.count(b"\n")
    assert done >= before
    check(content.splitlines(), users(4000)[:done])


@pytest.mark.parametrize("number", STOPPING)
def test_a_signal_stops_the_stretch_that_is_computed(
    table: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: signal.Signals,
) -> None:
    goes_on = []

    def computed(job: Any, rows: list[Any], _: float | None, progress: Any, *__: Any) -> Stretch:
        goes_on.append(progress(0, len(rows)))
        os.kill(os.getpid(), number)
        goes_on.append(progress(0, len(rows)))
        return Stretch([], False, 1)

    monkeypatch.setattr("bcrypt_batch.tables.run.compute", computed)
    output = str(tmp_path / "out.jsonl")
    assert main(["hash", str(table), "--output", output, "--cost", "4"]) == 128 + number
    assert goes_on == [True, False]
    assert f"stopped by {number.name}, incomplete: --resume goes on" in capsys.readouterr().err


@pytest.mark.parametrize("number", [*STOPPING, signal.SIGALRM])
def test_a_signal_when_all_is_done_changes_nothing(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    finish = Output.finish

    def signalled(output: Output) -> None:
        os.kill(os.getpid(), number)
        finish(output)

    monkeypatch.setattr(Output, "finish", signalled)
    before = signal.getsignal(number)
    arguments = ["hash", str(table), "--output", str(tmp_path / "o"), "--cost", "4"]
    assert main([*arguments, "--deadline", "1e7"]) == 1  # there are rows in error
    assert signal.getsignal(number) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_what_was_finished_of_a_stretch_is_written(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*arguments: Any) -> Stretch:
        done = compute(*arguments)
        return done._replace(outcomes=done.outcomes[:7], complete=False)

    monkeypatch.setattr("bcrypt_batch.tables.run.compute", stopped)
    output = tmp_path / "out.jsonl"
    assert main(["hash", str(table), "--output", str(output), "--cost", "4"]) == 3
    check(output.read_bytes().splitlines(), users(300)[:7])


def test_stopped_while_it_waits_for_input(tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    arguments = ("hash", "-", "--format", "lines", "--output", output, "--cost", "4")
    with start(*arguments) as process:
        assert process.stdin is not None
        process.stdin.write(b"a\n" * 100)
        process.stdin.flush()
        wait_for_lines(output, 0, process)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130


def in_a_file_system(script: str, *arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    """Run a script with its own file system, which no other process sees."""
    private = ["unshare", "--mount", "--map-root-user", "sh", "-euc"]
    try:
        subprocess.run([*private, "mount -t tmpfs none /mnt"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no file system may be mounted here")
    command = [*private, script, "sh", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=300)


def test_a_full_disk_loses_nothing(table: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    options = ("hash", table, "--output", output, "--cost", "4", "--resume")

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))

    said = succeed(*options, status=3, preexec_fn=limit)
    assert "File too large" in said
    assert "--resume goes on" in said
    assert 0 < output.stat().st_size <= 10_000
    succeed(*options, status=1)
    check(output.read_bytes().splitlines(), users(300), matches=False)


def test_a_disk_that_is_full_until_there_is_room(table: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    script = """
    mount -t tmpfs -o size=16k none "$1"/disk
    shift
    "$@" && exit 9 || echo $?
    mount -o remount,size=1m "${6%/*}"
    "$@" && exit 9 || echo $?
    cat "$6"
    """
    output = tmp_path / "disk" / "out.jsonl"
    done = in_a_file_system(
        script, tmp_path,
        sys.executable, "-m", "bcrypt_batch", "hash", "--output", output, table,
        "--cost", "4", "--resume", "--quiet",
    )  # fmt: skip
    assert b"No space left on device" in done.stderr
    first, second, *lines = done.stdout.splitlines()
    assert (first, second) == (b"3", b"1"), done.stderr.decode()
    check(lines, users(300), matches=False)


def test_a_folder_that_can_only_be_read(table: Path, tmp_path: Path) -> None:
    output = tmp_path / "folder" / "out.jsonl"
    output.parent.mkdir()
    script = 'mount -t tmpfs -o ro none "$1"; shift; "$@"'
    done = in_a_file_system(
        script, output.parent, sys.executable, "-m", "bcrypt_batch", "hash", table,
        "--output", output,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, b"")
    assert f"{output}: Read-only file system\n" in done.stderr.decode()
