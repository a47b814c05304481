"""The pool of threads that a process keeps, and the warning if the system refuses threads."""

from __future__ import annotations

import os

from . import _native
from .system import cgroups, read
from .workers import check_workers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def start_workers(workers: int | None = None) -> int:
    """Start threads and keep them for later calls; return the number of workers.

    The kept threads serve one call at a time, if the call needs no more workers than `workers`.
    Other calls start threads of their own, which end with the call. A process keeps one pool:
    starting another pool replaces it. A child after fork has no pool until it starts one. One
    worker is the calling thread itself, so no thread is kept for it.

    Raises as `worker_count` does, and if `workers` is wrong: TypeError if it isn't an int,
    ValueError if it isn't from 1 to 1024. Issues a RuntimeWarning if the system refuses threads.
    """
    count = check_workers(workers)
    if count == 1:
        _native.stop_pool()
        return 1
    size = _native.start_pool(count)
    if size < count:
        warn_of_shortage(count, size, stacklevel=2)
    return size


def stop_workers() -> None:
    """End the threads that `start_workers` has started, if any, after their current batch."""
    _native.stop_pool()


def warn_of_shortage(wanted: int, got: int, stacklevel: int) -> None:
    """Warn that the system refused threads, and name the limit.

    `stacklevel` counts as for `warnings.warn`, from the caller of this function.
    """
    import warnings

    warnings.warn(shortage(wanted, got), RuntimeWarning, stacklevel=stacklevel + 1)


def shortage(wanted: int, got: int) -> str:
    """Return the message for fewer workers than asked for."""
    from errno import ENOSYS, EPERM, errorcode

    refusal = _native.thread_refusal()
    if refusal in (EPERM, ENOSYS):  # a limit gives EAGAIN instead: see clone(2)
        return (
            f"the system refused threads: {got} instead of {wanted} workers, because of a seccomp "
            f"filter, which answers {errorcode[refusal]} to the system call clone3 or clone. "
            "Update the container runtime, or allow clone3 in its seccomp profile"
        )
    limits = " and ".join(limits_on_threads(wanted)) or "memory, or a limit of the whole machine"
    return (
        f"the system refused threads: {got} instead of {wanted} workers, because of {limits}. "
        "Raise the limit, or ask for fewer workers (BCRYPT_BATCH_WORKERS)"
    )


def limits_on_threads(
    wanted: int, proc: str = "/proc", cgroup_root: str = "/sys/fs/cgroup"
) -> Iterator[str]:
    """Yield the limits that keep this process from starting `wanted` more threads.

    Source: clone(2) and pthread_create(3), EAGAIN; getrlimit(2); cgroups(7), the pids controller.
    """
    import resource

    most, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    if most != resource.RLIM_INFINITY and os.getuid() != 0 and _tasks_of_user(proc) + wanted > most:
        yield f"RLIMIT_NPROC, the user's limit on tasks ({most}; ulimit -u)"
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    stack, _ = resource.getrlimit(resource.RLIMIT_STACK)
    used = int(read(f"{proc}/self/statm").partition(" ")[0] or 0) * resource.getpagesize()
    # RLIM_INFINITY is -1, and from Python 3.15 on 2**64 - 1.
    stack = 0 if stack == resource.RLIM_INFINITY else stack
    if most != resource.RLIM_INFINITY and used + wanted * stack > most:
        yield f"RLIMIT_AS, the limit on address space ({most >> 10} KB; ulimit -v)"
    for _, group in cgroups("pids", cgroup_root, f"{proc}/self/cgroup"):
        limit, now = read(f"{group}/pids.max"), read(f"{group}/pids.current")
        if limit.isdigit() and now.isdigit() and int(now) + wanted > int(limit):
            yield f"the cgroup's limit on tasks ({limit}, in {group}/pids.max)"


def _tasks_of_user(proc: str) -> int:
    """Count the threads of all processes of this process's user; 0 on macOS."""
    tasks = 0
    for name in os.listdir(proc) if os.path.isdir(proc) else ():
        try:
            if name.isdigit() and os.stat(f"{proc}/{name}").st_uid == os.getuid():
                tasks += len(os.listdir(f"{proc}/{name}/task"))
        except OSError:
            pass  # the process has ended meanwhile
    return tasks
