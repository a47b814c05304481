"""The machine's properties that figures depend on."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyperf

import bcrypt_batch

# Properties that may differ between the runs of one measurement.
VARYING = ("date", "load_average")


def machine() -> dict[str, Any]:
    """Return the properties by name, without those of pyperf that identify the machine."""
    about = pyperf.Run([1.0]).get_metadata()
    return {
        "cpu": about.get("cpu_model_name", platform.machine()),
        "cpus": len(os.sched_getaffinity(0)),
        "date": about["date"][:10],
        "load_average": about["load_avg_1min"],
        "commit": commit(),
        "python": platform.python_version(),
        "bcrypt": version("bcrypt"),
        "bcrypt_batch": bcrypt_batch.__version__,
        "kernel": bcrypt_batch.kernels().chosen,
    }


def commit() -> str:
    """Return the measured commit, with a mark if files have changed since."""
    if not shutil.which("git"):
        return "unknown"
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude", "*"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip() or "unknown"
