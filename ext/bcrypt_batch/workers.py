"""How many workers a call uses when it says nothing."""

from __future__ import annotations

import os

from .checks import check_range
from .limits import MAX_WORKERS
from .system import cgroups, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MB_PER_VCPU = 1769  # AWS Lambda Developer Guide, "Configure Lambda function memory"

_count: int | None = None


def worker_count() -> int:
    """Return how many workers a call uses when it says nothing; 1 or more.

    `WORKER_COUNT` from the environment, unless it is empty; else, on Lambda, as many as the memory
    size pays for and the function sees; else the CPUs that this process may use, by affinity and
    cgroup quota. It is read once and stays the same for the life of the process.

    Raises:
        ValueError: `WORKER_COUNT` is not a whole number from 1 to 1024.
    """
    global _count
    if _count is None:
        _count = _read_worker_count(os.environ)
    return _count


def check_workers(workers: int | None) -> int:
    """Return the number of workers that an argument asks for."""
    if workers is None:
        return worker_count()
    return check_range("workers", workers, 1, MAX_WORKERS)


def _read_worker_count(environ: Mapping[str, str]) -> int:
    if asked := environ.get("WORKER_COUNT"):  # a template's empty parameter is as good as none
        if not (asked.isascii() and asked.isdigit() and 1 <= int(asked) <= MAX_WORKERS):
            raise ValueError(
                f"WORKER_COUNT must be a whole number from 1 to {MAX_WORKERS}, not {asked!r}; "
                "unset it to have the number chosen automatically"
            )
        return int(asked)
    cpus = len(os.sched_getaffinity(0))
    if environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "lambda-managed-instances":
        return 1  # there, many processes share each vCPU
    if "AWS_LAMBDA_FUNCTION_MEMORY_SIZE" in environ:
        memory_mb = int(environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"])
        return min(cpus, -(-memory_mb // MB_PER_VCPU))
    return min([cpus, *_cgroup_quotas()])


def _cgroup_quotas(root: str = "/sys/fs/cgroup", own: str = "/proc/self/cgroup") -> Iterator[int]:
    """Yield the whole CPUs that each CPU quota over this process allows.

    Source: Linux, Documentation/admin-guide/cgroup-v2.rst (cpu.max) and
    Documentation/scheduler/sched-bwc.rst (version 1).
    """
    for version, group in cgroups("cpu", root, own):
        if version == 2:
            quota, _, period = read(f"{group}/cpu.max").partition(" ")
        else:
            quota = read(f"{group}/cpu.cfs_quota_us")
            period = read(f"{group}/cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit():
            yield max(1, -(-int(quota) // int(period)))
