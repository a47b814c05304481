"""The CPUs of a Lambda memory size."""

from __future__ import annotations

from bcrypt_batch.workers import MB_PER_VCPU

# (largest memory size in MB, CPUs that a function of that size sees); six above the last.
VISIBLE_CPUS = ((3008, 2), (5307, 3), (7076, 4), (8845, 5))
MOST_CPUS = 6

TEMPLATE_SIZES_MB = (1536, 2048, 4096, 6144, 8192, 10240)


def vcpus(memory_mb: int) -> float:
    """Return how many CPUs' worth of time a size pays for."""
    return memory_mb / MB_PER_VCPU


def visible_cpus(memory_mb: int) -> int:
    """Return how many CPUs a function of this size sees."""
    return next((cpus for most_mb, cpus in VISIBLE_CPUS if memory_mb <= most_mb), MOST_CPUS)


def workers(memory_mb: int) -> int:
    """Return how many workers the handler chooses at this size."""
    return min(visible_cpus(memory_mb), -(-memory_mb // MB_PER_VCPU))
