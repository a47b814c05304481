"""What the figures of this machine depend on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from typing import Any

import bcrypt_batch


def machine() -> dict[str, Any]:
    """Return it by name."""
    model = platform.machine()
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return {
        "cpu": model,
        "cpus": len(os.sched_getaffinity(0)),
        "load_average": os.getloadavg()[0],
        "python": platform.python_version(),
        "bcrypt": version("bcrypt"),
        "bcrypt_batch": bcrypt_batch.__version__,
        "kernel": bcrypt_batch.kernels().chosen,
    }
