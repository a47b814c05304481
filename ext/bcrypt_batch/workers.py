"""The default number of workers, and the check of an argument `workers`."""

from __future__ import annotations

import os

from .checks import check_range
from .limits import MAX_WORKERS
from .system import cpu_quotas, usable_cpus

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "BCRYPT_BATCH_WORKERS"
MB_PER_VCPU = 1769  # AWS Lambda Developer Guide, "Configure Lambda function memory"

_count: int | None = None


def worker_count() -> int:
    """Return how many workers a call without `workers` uses; 1 or more.

    The environment variable `BCRYPT_BATCH_WORKERS` has the number, unless it is empty. Otherwise
    there is one worker for each CPU that this process may use, by affinity and cgroup quota. On
    Lambda the memory size limits the number too, instead of the quota. On Lambda Managed Instances
    `AWS_LAMBDA_MAX_CONCURRENCY` processes compute at once, and each gets its share of the CPUs.
    The number is determined once in the life of the process.

    Raises:
        ValueError: `BCRYPT_BATCH_WORKERS` is not a whole number from 1 to 1024.
    """
    global _count
    if _count is None:
        _count = _read_worker_count(os.environ)
    return _count


def server_worker_count() -> int:
    """Return how many workers a server has by default.

    As `worker_count`, but on Managed Instances a server gets the CPUs of all processes.
    """
    return _read_worker_count({**os.environ, "AWS_LAMBDA_MAX_CONCURRENCY": ""})


def check_workers(workers: int | None) -> int:
    """Return the number of workers that an argument asks for."""
    if workers is None:
        return worker_count()
    return check_range("workers", workers, 1, MAX_WORKERS)


def _read_worker_count(environ: Mapping[str, str]) -> int:
    if asked := environ.get(VARIABLE):  # an empty value counts as unset
        count = _whole_number(asked)
        if not 1 <= count <= MAX_WORKERS:
            raise ValueError(
                f"{VARIABLE} must be a whole number from 1 to {MAX_WORKERS}, not {asked[:40]!r}; "
                "unset it to have the number chosen automatically"
            )
        return count
    cpus = [len(usable_cpus())]
    memory_mb = _whole_number(environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", ""))
    if memory_mb > 0:
        cpus.append(-(-memory_mb // MB_PER_VCPU))
    processes = _whole_number(environ.get("AWS_LAMBDA_MAX_CONCURRENCY", ""))
    if processes > 0 or memory_mb <= 0:
        cpus += cpu_quotas()
    return max(1, min(cpus) // max(1, processes))


def _whole_number(text: str) -> int:
    """Return the number that a text of digits 0 to 9 stands for; -1 for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
