"""Read Linux's /proc and /sys: files, CPUs, cgroups."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def read(path: str) -> str:
    """Return a file's text, stripped; empty if it can't be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def usable_cpus() -> set[int]:
    """Return the numbers of the CPUs that this process may run on; one or more.

    If the system call is missing or a seccomp profile refuses it, these are all CPUs of the
    machine, or one if their number is unknown.
    """
    try:
        return os.sched_getaffinity(0)
    except (OSError, AttributeError):
        return set(range(os.cpu_count() or 1))


def cgroups(
    controller: str, root: str = "/sys/fs/cgroup", own: str = "/proc/self/cgroup"
) -> Iterator[tuple[int, str]]:
    """Yield version (1 or 2) and folder of each cgroup that limits this process by a controller.

    Source: Linux, Documentation/admin-guide/cgroup-v2.rst; cgroups(7).
    """
    for line in read(own).splitlines():
        controllers, separator, path = line.partition(":")[2].partition(":")
        if separator and not controllers:
            base, version = root, 2
        elif controller in controllers.split(","):
            base, version = f"{root}/{controller}", 1
        else:
            continue
        # Any ancestor may have a limit. In a container without a cgroup namespace the path is the
        # host's and doesn't exist here, but the root is the container's own cgroup.
        while True:
            yield version, base + path.rstrip("/")
            if path in ("", "/"):
                break
            path = os.path.dirname(path)


def cpu_quotas(root: str = "/sys/fs/cgroup", own: str = "/proc/self/cgroup") -> Iterator[int]:
    """Yield the CPUs, rounded up, that the CPU quota of each of this process's cgroups allows.

    Source: Linux, Documentation/admin-guide/cgroup-v2.rst (cpu.max) and
    Documentation/scheduler/sched-bwc.rst (version 1).
    """
    for version, group in cgroups("cpu", root, own):
        if version == 2:
            quota, _, period = read(f"{group}/cpu.max").partition(" ")
        else:
            quota = read(f"{group}/cpu.cfs_quota_us")
            period = read(f"{group}/cpu.cfs_period_us")
        if quota.isdecimal() and period.isdecimal() and int(period):
            yield max(1, -(-int(quota) // int(period)))
