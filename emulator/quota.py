"""Give processes the CPU of a Lambda memory size: its share by cgroup, its CPUs by affinity.

Needs root, and the CPU controller of cgroup version 1 or 2. Source: Linux,
Documentation/scheduler/sched-bwc.rst and Documentation/admin-guide/cgroup-v2.rst.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from emulator import sizes
from emulator.problem import Problem

CGROUPS = Path("/sys/fs/cgroup")
PERIOD_US = 100_000
PREFIX = "bcrypt-batch-"
END_TIMEOUT_S = 5.0

# Enter the cgroup, then become the command.
ENTER = 'echo $$ > "$0" && exec "$@"'


class Quota:
    """The CPU of a memory size, as a context manager that kills its remaining processes.

    Args:
        memory_mb: The memory size.
        cgroups: Where cgroups are mounted.

    Raises:
        Problem: CPU time can't be limited here.
    """

    def __init__(self, memory_mb: int, cgroups: Path = CGROUPS) -> None:
        self._memory_mb = memory_mb
        self._cgroups = cgroups

    def __enter__(self) -> Quota:
        if not shutil.which("taskset"):
            raise Problem("taskset is not installed (Debian: util-linux)")
        base, version = _controller(self._cgroups)
        quota_us = int(PERIOD_US * sizes.vcpus(self._memory_mb))
        try:
            with _alone(base):  # another run would remove our group before we have locked it
                _remove_abandoned(base)
                self._group = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
                self._lock = _locked(self._group)
            if version == 2:
                (self._group / "cpu.max").write_text(f"{quota_us} {PERIOD_US}")
            else:
                (self._group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
                (self._group / "cpu.cfs_quota_us").write_text(str(quota_us))
        except OSError as error:
            raise Problem(f"CPU quotas need root and a writable {base}: {error}") from None
        return self

    def __exit__(self, *_: object) -> None:
        _remove(self._group)
        if self._lock is not None:
            os.close(self._lock)

    @property
    def prefix(self) -> list[str]:
        """The command that runs its arguments under the quota."""
        cpus = sorted(os.sched_getaffinity(0))[: sizes.visible_cpus(self._memory_mb)]
        enter = ["sh", "-c", ENTER, str(self._group / "cgroup.procs")]
        return ["taskset", "--cpu-list", ",".join(map(str, cpus)), *enter]


def cpus() -> int:
    """Return how many CPUs this process may use."""
    return len(os.sched_getaffinity(0))


def suffices(memory_mb: int) -> bool:
    """Return whether this machine has a CPU for each worker of a memory size."""
    return cpus() >= sizes.workers(memory_mb)


def _controller(cgroups: Path) -> tuple[Path, int]:
    """Return the folder for cgroups with a CPU quota, and their version."""
    if (cgroups / "cpu").is_dir():
        return cgroups / "cpu", 1
    try:
        if "cpu" not in (cgroups / "cgroup.controllers").read_text().split():
            raise Problem(f"{cgroups}/cgroup.controllers has no cpu controller")
        (cgroups / "cgroup.subtree_control").write_text("+cpu")
    except FileNotFoundError:
        raise Problem(
            f"no CPU controller: neither {cgroups}/cpu (cgroup version 1) nor "
            f"{cgroups}/cgroup.controllers (version 2) exists"
        ) from None
    except OSError as error:
        raise Problem(
            f"can't enable the CPU controller in {cgroups} (cgroup version 2): {error}; "
            "run as root, in a container also with --privileged and --cgroupns=host"
        ) from None
    return cgroups, 2


@contextmanager
def _alone(base: Path) -> Iterator[None]:
    """Make other runs wait before they remove or make a group."""
    lock = os.open(base, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _remove_abandoned(base: Path) -> None:
    """Remove the groups that killed runs have left."""
    for group in base.glob(f"{PREFIX}*"):
        with suppress(FileNotFoundError):  # another run was faster
            if (lock := _locked(group)) is not None:
                _remove(group)
                os.close(lock)


def _locked(group: Path) -> int | None:
    """Lock a cgroup until this process ends; return None if another process holds the lock."""
    lock = os.open(group, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def _remove(group: Path) -> None:
    give_up = time.monotonic() + END_TIMEOUT_S
    while True:
        for process in (group / "cgroup.procs").read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(process), signal.SIGKILL)
        try:
            group.rmdir()
        except OSError:  # busy until the last process has been reaped
            if time.monotonic() > give_up:
                raise
            time.sleep(0.01)
        else:
            return
