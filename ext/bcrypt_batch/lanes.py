"""How many lanes a thread should have on this machine.

Passwords interleaved in a thread fill the core's issue slots and its level-1 cache. For a thread
alone on a core, the kernel's table of group times shows the best number. If two threads share a
core, each has half of the slots and of the cache, and fewer lanes are faster. The number follows
from these rules, not from a measurement at start, so the same machine always gets the same lanes.
"""

from __future__ import annotations

import os

from . import _native
from .system import read, usable_cpus

SMALLEST_CACHE_BYTES = 32 << 10  # smallest level-1 data cache in servers of the last fifteen years
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}

_machine: Machine | None = None


class Machine:
    """The properties of this process's CPUs that decide the lanes.

    Attributes:
        cores: How many cores the CPUs belong to.
        cache_bytes: Size of a core's level-1 data cache.
    """

    def __init__(self, cpus: set[int], root: str = "/sys/devices/system/cpu") -> None:
        siblings = {read(f"{root}/cpu{cpu}/topology/thread_siblings_list") for cpu in cpus}
        if "" not in siblings:
            self.cores = len(siblings)
        else:
            # Unknown: assume that on x86-64 two CPUs are threads of one core, as on Lambda.
            threads = 2 if os.uname().machine == "x86_64" else 1
            self.cores = -(-len(cpus) // threads)
        self.cache_bytes = SMALLEST_CACHE_BYTES
        for index in range(4):
            cache = f"{root}/cpu{min(cpus)}/cache/index{index}"
            if (read(f"{cache}/level"), read(f"{cache}/type")) == ("1", "Data"):
                self.cache_bytes = _bytes(read(f"{cache}/size")) or SMALLEST_CACHE_BYTES

    def lanes(self, kernel: str, workers: int) -> int:
        """Return the most lanes that each of `workers` threads should have."""
        shared = workers > self.cores
        # Rounded, because two threads with 4 lanes each exceed 32 KB by only 0.6 KB.
        in_cache = max(1, round(self.cache_bytes / (_native.LANE_BYTES * (1 + shared))))
        return min(_native.shared_lanes(kernel) if shared else _native.max_lanes(kernel), in_cache)


def _bytes(size: str) -> int:
    """Parse a size of sysfs, such as 32K; 0 if it is missing or malformed.

    Virtual machines may hide the size. Linux writes kilobytes today, but promises no unit.
    """
    number, unit = size[:-1], size[-1:]
    return int(number) * UNITS[unit] if number.isdecimal() and unit in UNITS else 0


def lane_limit(kernel: str, workers: int) -> int:
    """Return `Machine.lanes` of this machine, which is inspected once."""
    global _machine
    if _machine is None:
        _machine = Machine(usable_cpus())
    return _machine.lanes(kernel, workers)
