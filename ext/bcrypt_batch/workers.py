"""How many workers a call uses when it says nothing."""

from __future__ import annotations

import os

from .checks import check_range
from .system import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_WORKERS = 1024
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


def start_workers(workers: int | None = None) -> int:
    """Start the threads that later calls with as many workers will use; return their number.

    Without this the first such call starts them. Raises as `worker_count` does.
    """
    count = check_workers(workers)
    if count > 1:
        from . import crew

        crew.start(count)
    return count


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
    for line in read(own).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            base, version = root, 2
        elif "cpu" in controllers.split(","):
            base, version = f"{root}/cpu", 1
        else:
            continue
        # A quota may sit on any ancestor; in a container without a cgroup namespace the path
        # means nothing inside, but the root is the container's own.
        while True:
            group = base + path.rstrip("/")
            if version == 2:
                quota, _, period = read(f"{group}/cpu.max").partition(" ")
            else:
                quota = read(f"{group}/cpu.cfs_quota_us")
                period = read(f"{group}/cpu.cfs_period_us")
            if quota.isdigit() and period.isdigit():
                yield max(1, -(-int(quota) // int(period)))
            if path in ("", "/"):
                break
            path = os.path.dirname(path)
