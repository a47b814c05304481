"""Fixtures shared by all tests."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import bcrypt_batch
from bcrypt_batch import _native
from emulator.function import Emulator
from tests.examples import examples
from tests.kernels import WARNINGS, CompileKernel

# No example fails because it takes long: the machine may be busy, or emulated.
settings.register_profile(
    "untimed",
    deadline=None,
    max_examples=min(100, examples(100)),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("untimed")

# A shell starts background jobs with SIGINT ignored, and nohup SIGHUP; the programs that tests
# start and interrupt would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _no_worker_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests ignore a setting of the user's."""
    for name in ("BCRYPT_BATCH_WORKERS", "WORKER_COUNT"):
        monkeypatch.delenv(name, raising=False)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`kernel`: every compiled variant that this CPU can run; `lanes`: every lane count of it."""
    kernels = bcrypt_batch.kernels().supported
    if {"kernel", "lanes"} <= set(metafunc.fixturenames):
        each = [(kernel, n) for kernel in kernels for n in range(1, _native.max_lanes(kernel) + 1)]
        ids = [f"{kernel}-lanes{n}" for kernel, n in each]
        metafunc.parametrize(("kernel", "lanes"), each, ids=ids)
    elif "kernel" in metafunc.fixturenames:
        metafunc.parametrize("kernel", kernels)


@pytest.fixture(scope="session")
def compile_kernel(tmp_path_factory: pytest.TempPathFactory) -> CompileKernel:
    """Compile the kernel once for all processes that run the tests."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    sources = map(str, (Path(__file__).parent.parent / "ext" / "kernel").glob("*.c"))
    flags = ["-std=c11", "-Wconversion", *WARNINGS, "-fstack-usage", "-pthread", "-c", *sources]

    def compiled(compiler: str, level: str) -> Path:
        folder = shared / f"kernel-{compiler}{level}"
        with open(f"{folder}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                making = Path(f"{folder}.making")
                making.mkdir()
                subprocess.run([compiler, level, *flags], check=True, cwd=making)
                making.rename(folder)
        return folder

    return compiled


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """The handler behind the real emulator, with two threads whatever this machine has."""
    with Emulator(environment={"WORKER_COUNT": "2"}) as running:
        yield running
