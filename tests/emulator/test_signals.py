"""The emulator when the process that uses it is ended."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from emulator.signals import raised_as_interrupts
from tests.processes import PATIENCE_S


def descendants(process: int) -> set[int]:
    """Return all descendants of a process."""
    found = set()
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            found |= {child, *descendants(child)}
    return found


def runs(process: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


@pytest.mark.parametrize(
    ("number", "concurrency"),
    [(signal.SIGINT, 0), (signal.SIGTERM, 0), (signal.SIGHUP, 0), (signal.SIGTERM, 3)],
)
def test_nothing_stays_behind(tmp_path: Path, number: signal.Signals, concurrency: int) -> None:
    event = tmp_path / "long.json"
    event.write_text(json.dumps({"mode": "sequential", "count": 1000, "cost": 12}))
    command = [sys.executable, "-m", "emulator", "invoke", "--event", str(event)]
    command += ["--concurrency", str(concurrency)] if concurrency else []
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        give_up = time.monotonic() + PATIENCE_S
        # The emulator or the runtime client, and the function's processes in it.
        while len(there := descendants(process.pid)) < 1 + max(1, concurrency):
            assert process.poll() is None
            assert time.monotonic() < give_up
            time.sleep(0.01)
        process.send_signal(number)
        assert process.wait(timeout=PATIENCE_S) == 130
    while any(map(runs, there)):
        assert time.monotonic() < give_up, [pid for pid in there if runs(pid)]
        time.sleep(0.01)


def test_a_signal_that_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with raised_as_interrupts():
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
