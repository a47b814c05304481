"""CPU quotas: the writes to cgroups and, on a machine that has them, their effect."""

from __future__ import annotations

import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from emulator import quota, sizes
from emulator.problem import Problem
from tests.emulator.quotas import needs_quota
from tests.examples import thorough
from tests.processes import run_program

SHOW_CPUS = "import os; print(len(os.sched_getaffinity(0)))"


def pretended(tmp_path: Path, version: int) -> Path:
    """Folders like those of cgroups; a real cgroup has its files from the start."""
    if version == 1:
        (tmp_path / "cpu").mkdir()
        return tmp_path / "cpu"
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu memory")
    (tmp_path / "cgroup.subtree_control").touch()
    return tmp_path


@pytest.mark.parametrize("version", [1, 2])
def test_what_a_cgroup_is_told(
    tmp_path: Path, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quota, "_remove", lambda _: None)
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/taskset")
    base = pretended(tmp_path, version)
    with quota.Quota(3538, tmp_path) as allowed:
        (group,) = base.glob("bcrypt-batch-*")
        told = {path.name: path.read_text() for path in group.iterdir()}
        assert allowed.prefix[-1] == str(group / "cgroup.procs")
    if version == 1:
        assert told == {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "200000"}
    else:
        assert told == {"cpu.max": "200000 100000"}
        assert (tmp_path / "cgroup.subtree_control").read_text() == "+cpu"


@pytest.mark.parametrize(
    ("controllers", "missing"),
    [(None, "neither .*cpu .*nor .*cgroup.controllers"), ("memory", "has no cpu controller")],
)
def test_what_is_missing_is_named(tmp_path: Path, controllers: str | None, missing: str) -> None:
    if controllers is not None:
        (tmp_path / "cgroup.controllers").write_text(controllers)
    with pytest.raises(Problem, match=missing), quota.Quota(1536, tmp_path):
        pass


@needs_quota
def test_a_process_gets_its_cpus_and_no_more_time_than_its_share() -> None:
    """By the clock of its own CPU time, so that a busy machine changes nothing."""
    burn = "import time; end = time.monotonic() + 1\nwhile time.monotonic() < end: pass"
    share, period_s = sizes.vcpus(354), quota.PERIOD_US / 1e6
    with quota.Quota(354) as allowed:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started_s = time.monotonic()
        subprocess.run([*allowed.prefix, sys.executable, "-c", burn], check=True)
        wall_s = time.monotonic() - started_s
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        shown = subprocess.run(
            [*allowed.prefix, sys.executable, "-c", SHOW_CPUS],
            check=True,
            capture_output=True,
            text=True,
        )
    used_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert used_s < share * (wall_s + 2 * period_s)  # the first and the last period in full
    assert int(shown.stdout) == min(quota.cpus(), sizes.visible_cpus(354))


@needs_quota
def test_nothing_is_left_behind_not_even_of_a_run_that_was_killed() -> None:
    done = run_program("emulator/abandon_a_quota")
    left = Path(done.stdout.strip()).parent
    with quota.Quota(1536) as allowed:
        assert not left.exists()
        own = Path(allowed.prefix[-1])
        sleeper = subprocess.Popen([*allowed.prefix, "sleep", "60"])
        while not own.read_text():
            pass  # until it has entered
    assert sleeper.wait() == -signal.SIGKILL
    assert not own.parent.exists()


ANOTHER = "from emulator.quota import Quota\nwith Quota(1536): print('entered')"


@needs_quota
def test_another_run_that_starts_meanwhile_leaves_ours_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The other run starts when our group is made but not yet marked as ours, and waits."""
    make = tempfile.mkdtemp
    others: list[subprocess.Popen[bytes]] = []

    def mkdtemp(**options: Any) -> str:
        made: str = make(**options)
        another = subprocess.Popen([sys.executable, "-c", ANOTHER], stdout=subprocess.PIPE)
        others.append(another)
        with suppress(subprocess.TimeoutExpired):
            another.wait(timeout=1)
        return made

    monkeypatch.setattr(tempfile, "mkdtemp", mkdtemp)
    with quota.Quota(1536) as allowed:
        (another,) = others
        assert another.communicate(timeout=60)[0] == b"entered\n"
        subprocess.run([*allowed.prefix, "true"], check=True)


@thorough
def test_no_group_is_made_where_tests_are_only_collected() -> None:
    done = run_program("emulator/collect_tests")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_size_is_this_machines_where_each_worker_has_a_cpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quota, "cpus", lambda: 2)
    assert [quota.suffices(size) for size in (1536, 2048, 3538, 3539, 4096)] == [
        True, True, True, False, False
    ]  # fmt: skip
