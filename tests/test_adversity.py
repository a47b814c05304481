"""Signals, lack of memory, fewer CPUs, a jumping clock: a computing process loses no result."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.examples import thorough
from tests.processes import (
    PATIENCE_S,
    PROGRAMS,
    PROJECT,
    check_program,
    preloading,
    program,
    require,
    run_program,
)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("handled", [False, True], ids=["not handled", "handled"])
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_a_signal_that_ends_a_process(workers: int, handled: bool, sent: signal.Signals) -> None:
    """The batch would take minutes. If Python handles the signal, the exception has the result."""
    if handled and sent == signal.SIGKILL:
        pytest.skip("no process can handle it")
    command = program("adversity/compute_for_minutes", workers, *["handled"] * handled)
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE) as child:
        assert child.stdout
        assert child.stdout.readline() == b"computing\n"
        child.send_signal(sent)
        rest = child.stdout.read()
        assert child.wait(PATIENCE_S) == (7 if handled else -sent)
    assert (b"left" in rest) == handled


@thorough
def test_too_little_memory_is_a_memory_error() -> None:
    # Keep no memory for the next call, and no arena: each reserves 64 MB.
    glibc = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "16384", "MALLOC_TOP_PAD_": "0"}
    seen = Counter(check_program("adversity/short_of_memory", **glibc).splitlines())
    print(dict(seen))
    if "no limit" in seen:
        pytest.skip("no limit on address space is enforced here, as under qemu's emulation")
    assert {*seen} == {f"{call} {came}" for call in ("hash", "verify")
                       for came in ("result", "MemoryError")}  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="CPUs can't be taken here")
def test_fewer_cpus_between_calls_and_during_one() -> None:
    assert check_program("adversity/fewer_cpus") == "right\n"


def test_jumps_of_the_clock_move_no_deadline(tmp_path: Path) -> None:
    source, library = PROGRAMS / "jumping_clock.c", tmp_path / "clock.so"
    require("cc")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", source, "-o", library], check=True)
    started = time.monotonic()
    done = run_program("adversity/deadlines", LD_PRELOAD=preloading(library))
    assert (done.returncode, done.stdout) == (0, "in time\n"), done.stderr
    print(f"{time.monotonic() - started:.1f} s")
