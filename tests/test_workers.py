"""How many workers a call uses when it says nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import bcrypt_batch
from bcrypt_batch import workers


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "two", " ", " 2", "1025", "²"])
def test_a_bad_worker_count_is_named(value: str) -> None:
    with pytest.raises(ValueError, match="WORKER_COUNT must be a whole number from 1 to 1024"):
        workers._read_worker_count({"WORKER_COUNT": value})


def test_an_empty_worker_count_is_none() -> None:
    environment = {"WORKER_COUNT": "", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1536"}
    assert workers._read_worker_count(environment) == 1


def test_worker_count_wins_over_everything() -> None:
    environment = {"WORKER_COUNT": "7", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1536"}
    assert workers._read_worker_count(environment) == 7


# The CPUs that Lambda makes visible at a memory size, and the workers that 1,769 MB a vCPU pay for.
@pytest.mark.parametrize(
    ("memory_mb", "visible", "expected"),
    [
        (128, 2, 1),
        (1536, 2, 1),
        (1769, 2, 1),
        (1770, 2, 2),
        (2048, 2, 2),
        (3008, 2, 2),
        (4096, 3, 3),
        (6144, 4, 4),
        (8192, 5, 5),
        (10240, 6, 6),
    ],
)
def test_on_lambda_it_follows_the_memory_size(
    memory_mb: int, visible: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(visible)))
    environment = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb)}
    assert workers._read_worker_count(environment) == expected


def test_managed_instances_share_their_cpus() -> None:
    environment = {
        "AWS_LAMBDA_INITIALIZATION_TYPE": "lambda-managed-instances",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "10240",
    }
    assert workers._read_worker_count(environment) == 1


def test_elsewhere_it_is_at_most_the_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_cgroup_quotas", lambda: iter([]))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5})
    assert workers._read_worker_count({}) == 3


def cgroup(tmp_path: Path, own: str, files: dict[str, str]) -> list[int]:
    for name, content in files.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (tmp_path / "own").write_text(own)
    return sorted(workers._cgroup_quotas(f"{tmp_path}/root", f"{tmp_path}/own"))


def test_quotas_of_cgroup_2(tmp_path: Path) -> None:
    files = {
        "a/b/cpu.max": "150000 100000\n",
        "a/cpu.max": "max 100000\n",
        "cpu.max": "50000 100000",
    }
    assert cgroup(tmp_path, "0::/a/b\n", files) == [1, 2]


def test_quotas_of_cgroup_1(tmp_path: Path) -> None:
    files = {
        "cpu/x/cpu.cfs_quota_us": "300000\n",
        "cpu/x/cpu.cfs_period_us": "100000\n",
        "cpu/cpu.cfs_quota_us": "-1\n",
        "cpu/cpu.cfs_period_us": "100000\n",
    }
    assert cgroup(tmp_path, "4:memory:/x\n3:cpu,cpuacct:/x\n0::/\n", files) == [3]


def test_no_quota_and_no_cgroup(tmp_path: Path) -> None:
    assert cgroup(tmp_path, "0::/gone\n", {"cpu.max": "max 100000\n"}) == []
    assert list(workers._cgroup_quotas(own=f"{tmp_path}/missing")) == []


def test_it_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    before = bcrypt_batch.worker_count()
    monkeypatch.setenv("WORKER_COUNT", str(before + 1))
    assert bcrypt_batch.worker_count() == before >= 1


def test_start_workers_returns_their_number() -> None:
    assert bcrypt_batch.start_workers(3) == 3
    assert bcrypt_batch.start_workers() == bcrypt_batch.worker_count()
    with pytest.raises(ValueError, match="workers must be from 1 to 1024, not 0"):
        bcrypt_batch.start_workers(0)
