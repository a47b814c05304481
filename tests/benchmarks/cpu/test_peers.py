"""The benchmark beside peers: its rows, and the programs that keep CPUs busy; no times."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks.cpu import peers
from benchmarks.cpu.peers import Measurement, Pools, Workload, measure, workloads
from tests.processes import PATIENCE_S, PROJECT, program, require

ONE_CPU = {min(os.sched_getaffinity(0))}


def running() -> list[Path]:
    """Return the busy programs that there are."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if peers.BUSY in file.read_text():
                found.append(file)
        except OSError:
            pass  # it has ended
    return found


def test_the_standard_rows() -> None:
    titles = [workload.title for workload in workloads(peers.ROWS, [1, 20], 10)]
    assert titles == [
        "1 password, cost 10",
        "20 passwords, cost 10",
        "1000 passwords, cost 4",
        "24 passwords, costs 8, 9, 10",
        "24 passwords, cost 10, each CPU busy",
    ]


def test_every_row_has_the_same_contestants(monkeypatch: pytest.MonkeyPatch) -> None:
    """One chart shows them all. Passwords of several costs are checked, and found right."""
    monkeypatch.setattr(peers, "MIN_ROUNDS", 1)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)  # John takes seconds, Node is below
    names = []
    with ExitStack() as stack:
        pools = Pools(2, stack)
        for costs in ((4,), (4, 5)):
            measured = measure(Workload(5, costs, contended=len(costs) == 1), pools, 0)
            assert all(len(times) == 1 for times in measured.times.values())
            names.append([*measured.times])
            assert peers.grid(measured).plain()
    assert names[0] == names[1]
    assert peers.REFERENCE in names[0]
    assert not running()


def test_the_chart_compares_thread_for_thread(tmp_path: Path) -> None:
    times = {
        peers.REFERENCE: [60.0],
        "pyca/bcrypt, 2 threads": [30.0],
        "bcrypt_batch, 1 worker": [12.0],
        "bcrypt_batch, 2 workers": [7.5],
    }
    peers.chart([Measurement(Workload(20, (10,)), times)], "a CPU", tmp_path / "peers.svg")
    drawn = (tmp_path / "peers.svg").read_text()
    ratios = re.findall(r"<!-- (\d+\.\d\d) -->", drawn)
    assert ratios == ["1.00", "5.00", "1.00", "4.00"]
    references = re.findall(r"<!-- .* relative to (.*) \(medians\); more is better -->", drawn)
    assert references == [peers.REFERENCE, "pyca/bcrypt, 2 threads"]


def test_what_is_checked_is_right() -> None:
    workload = Workload(4, (4, 5))
    todo = peers.tasks(workload)
    for do in (peers.do_with_pyca, peers.do_with_ours):
        assert [do(p, task) for p, task in zip(workload.passwords, todo, strict=True)] == [True] * 4


def test_node_computes_each_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a package of the same face, in which every hash but one is right."""
    require("node")
    package = tmp_path / "@node-rs" / "bcrypt"
    package.mkdir(parents=True)
    (package / "index.js").write_text(
        "exports.hash = async (password, { cost }) => `${password} ${cost}`;\n"
        "exports.verify = async (password, hash) => hash !== 'wrong';\n"
    )
    monkeypatch.setattr(peers.Node, "MODULES", tmp_path)
    with ExitStack() as stack:
        node = peers.Node(2, stack)
        assert node.ready
        two = [b"a", b"b"]
        for together in (False, True):
            for todo in ([4, 4], [b"right", b"right"]):
                assert node.contestant(two, [*todo], together=together)() > 0
            with pytest.raises(AssertionError):
                node.contestant(two, [b"right", b"wrong"], together=together)()
    assert node.process.returncode is not None


def test_busy_programs_end_with_the_benchmark() -> None:
    """Also where it is killed: nobody would look for what slows a machine down."""
    command = program("benchmarks/busy", *ONE_CPU)
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE) as one:
        try:
            assert one.stdout
            assert one.stdout.readline() == b"busy\n"
            wait_until(lambda: bool(running()))
        finally:
            one.kill()
    wait_until(lambda: not running())


def wait_until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.05)
