"""A run of the command line: its messages, what others can see of a table, its memory."""

from __future__ import annotations

import os
import signal
import sys
import termios
import time
from pathlib import Path

import pytest

from bcrypt_batch.tables.compute import MAX_STRETCH_BYTES, Job, Pace
from bcrypt_batch.tables.interrupts import Interrupts
from bcrypt_batch.tables.progress import progress
from bcrypt_batch.tables.rows import Row
from tests.examples import thorough
from tests.processes import run_program
from tests.tables.programs import run, start, succeed, wait_for_lines
from tests.tables.samples import check, users


def test_nothing_secret_is_said_or_seen_in_the_process_list(tmp_path: Path) -> None:
    """Rows that fail in every way; meanwhile a look at what other processes see."""
    file, output = tmp_path / "users.csv", tmp_path / "out.jsonl"
    secret = b"s3cret"
    rows = [b"id,password"]
    rows += [b"u,%b%d" % (secret, i) for i in range(120)]
    rows += [b"u,%b,x" % secret, b"u," + secret * 20, b'"%b"x,y' % secret]
    rows += [b"\xff%b,\xff%b" % (secret, secret), b'u,"%b' % secret]
    file.write_bytes(b"\n".join(rows))
    with start("hash", file, "--output", output, "--cost", "10") as process:
        wait_for_lines(output, 1, process)
        seen = b""
        for name in ("cmdline", "environ"):
            seen += Path(f"/proc/{process.pid}/{name}").read_bytes()
        out, err = process.communicate(timeout=300)
    assert process.returncode == 1
    for text in (seen, out, err, Path(f"{output}.state").read_bytes()):
        assert secret not in text
        assert b"$2b$" not in text
    assert output.read_bytes().count(secret) == 1  # the id that is one


def test_without_tqdm_the_first_line_hints_at_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr("bcrypt_batch.tables.progress.EVERY_S", -1.0)
    shown = progress(100, 0, 0)
    shown.at(5, 50)
    shown.at(6, 60)
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("; pip install 'bcrypt-batch[cli]' shows a bar")
    assert second.startswith("6 rows, ")
    assert "pip" not in second


@thorough
def test_memory_does_not_grow_with_the_table(tmp_path: Path) -> None:
    """Two tables, one with four times the rows; no row takes time."""
    peaks = []
    for rows in (50_000, 200_000):
        file = tmp_path / "missing.csv"
        file.write_bytes(b"id,password\n" + b"user,\n" * rows)
        command = ["hash", str(file), "--output", str(tmp_path / "o"), "--force", "--quiet"]
        done = run_program("tables/peak_of_memory", *command)
        assert done.returncode == 1, done.stderr
        peaks.append(int(done.stdout))
    print("peak kB:", peaks)
    assert peaks[1] < 100_000
    assert peaks[1] < peaks[0] * 1.2 + 2000


def test_a_stretch_is_bounded_in_bytes() -> None:
    """Whatever its rows look like."""
    text = "x" * 100_000
    for row in (
        Row(0, None, text.encode(), None),
        Row(0, None, b"x", text.encode()),
        Row(0, text, b"x", None),
        Row(0, 7, None, None, None, (None, text)),
        Row(0, None, b"x", None, None, ({"bio": [text]},)),
    ):
        stretches = list(Pace(Job(cost=4), 60).stretches(iter([row] * 200)))
        assert sum(map(len, stretches)) == 200
        assert max(map(len, stretches)) * 100_000 < MAX_STRETCH_BYTES + 100_000


def test_a_bar_on_a_terminal_and_a_line_elsewhere(table: Path, tmp_path: Path) -> None:
    pytest.importorskip("tqdm", reason="tqdm is not installed (group tables)")
    leader, follower = os.openpty()
    termios.tcsetwinsize(follower, (24, 100))
    options = ("hash", table, "--output", tmp_path / "o", "--cost", "6")
    with start(*options, stderr=follower) as process:
        os.close(follower)
        seen = b""
        while True:
            try:
                seen += os.read(leader, 4096)
            except OSError:
                break
        process.wait()
    os.close(leader)
    last = seen.decode().split("\r")
    assert any("100%|" in text and "rows/s" in text for text in last), last[-3:]
    plain = run(*options, "--force")
    assert b"|" not in plain.stderr


def test_a_terminal_that_has_gone_changes_nothing(tmp_path: Path) -> None:
    leader, follower = os.openpty()
    file, output = tmp_path / "users.txt", tmp_path / "o"
    file.write_bytes(b"password\n" * 300)
    options = ("--format", "lines", "--output", output, "--cost", "4")
    with start("hash", file, *options, stderr=follower) as process:
        os.close(follower)
        os.close(leader)
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert output.read_bytes().count(b"\n") == 300


def test_nothing_is_said_where_standard_error_is_closed(table: Path) -> None:
    """Least of all among the results."""
    done = run("hash", table, "--output", "-", "--cost", "4", preexec_fn=lambda: os.close(2))
    assert done.returncode == 1
    check(done.stdout.splitlines(), users(300))
    done = run("hash", "none.csv", "--output", "-", preexec_fn=lambda: os.close(2))
    assert (done.returncode, done.stdout) == (2, b"")


def test_a_pipe_that_does_not_wait_by_itself(tmp_path: Path) -> None:
    file = tmp_path / "missing.csv"
    file.write_bytes(b"id,password\n" + b"user,\n" * 20_000)
    read, write = os.pipe()
    os.set_blocking(write, False)
    with start("hash", file, "--output", "-", stdout=write) as process:
        os.close(write)
        time.sleep(0.8)  # until it is full
        with open(read, "rb") as results:
            assert results.read().count(b"\n") == 20_000
        _, err = process.communicate(timeout=60)
    assert (process.returncode, b"20,000 in error" in err) == (1, True), err


@pytest.mark.parametrize("given", [b"", b"a\n" * 100])
def test_a_deadline_is_kept_while_a_pipe_is_silent(tmp_path: Path, given: bytes) -> None:
    """Before its first byte, and after some rows."""
    arguments = ("hash", "-", "--format", "lines", "--cost", "4", "--deadline", "0.6", "--output")
    with start(*arguments, tmp_path / "o") as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(given)
        process.stdin.flush()
        try:
            assert process.wait(timeout=30) == 3
        finally:
            process.kill()
        assert b"incomplete" in process.stderr.read()


@pytest.mark.parametrize("number", [None, signal.SIGINT, signal.SIGTERM])
def test_what_was_only_noted_ends_the_reading_that_follows(number: signal.Signals | None) -> None:
    """A signal, or the deadline if `number` is None."""
    interrupts = Interrupts()

    def read() -> None:
        with interrupts.raised():
            interrupts.limit(None if number else 0)
            with interrupts.deferred():
                if number:
                    signal.raise_signal(number)
                time.sleep(0.1)
            time.sleep(30)

    with pytest.raises(KeyboardInterrupt):
        read()
    assert interrupts.signal == number


def test_no_alarm_comes_after_a_run() -> None:
    interrupts = Interrupts()
    with interrupts.raised():
        interrupts.limit(60)
        assert signal.getitimer(signal.ITIMER_REAL) > (0, 0)
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_closed_standard_input_and_output_are_named(table: Path) -> None:
    said = succeed("hash", "-", "--format", "csv", "--output", "-", status=2,
                   preexec_fn=lambda: os.close(0))  # fmt: skip
    assert said == "bcrypt-batch: standard input is closed\n"
    said = succeed("hash", table, "--output", "-", status=2, preexec_fn=lambda: os.close(1))
    assert said == "bcrypt-batch: standard output is closed\n"


def test_stopped_while_it_is_loaded() -> None:
    done = run_program("tables/stopped_while_loaded")
    assert (done.returncode, done.stderr) == (130, "")
