"""The system's CPUs and quotas, and the defaults if it shows none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bcrypt_batch.system import cgroups, cpu_quotas, read, usable_cpus


def refused(_: int) -> set[int]:
    """As under a seccomp profile that forbids the call."""
    raise PermissionError(1, "Operation not permitted")


def test_the_cpus_that_affinity_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", {0: {1, 5}}.__getitem__)  # 0: this process
    assert usable_cpus() == {1, 5}


@pytest.mark.parametrize(("count", "cpus"), [(3, {0, 1, 2}), (None, {0})])
def test_where_affinity_is_not_told(
    count: int | None, cpus: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: count)
    monkeypatch.setattr(os, "sched_getaffinity", refused)
    assert usable_cpus() == cpus
    monkeypatch.delattr(os, "sched_getaffinity")
    assert usable_cpus() == cpus


def test_everything_works_where_affinity_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker count and the lanes; each is determined once a process, so reset here."""
    import bcrypt_batch
    from bcrypt_batch import lanes, workers

    monkeypatch.setattr(os, "sched_getaffinity", refused)
    monkeypatch.setattr(lanes, "_machine", None)
    monkeypatch.setattr(workers, "_count", None)
    assert bcrypt_batch.worker_count() >= 1
    assert bcrypt_batch.hash_many([b"pw"] * 9, cost=4).complete


def test_a_file_that_can_not_be_read_is_empty(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b" \xff text \n")
    assert read(f"{tmp_path}/file") == "\ufffd text"
    assert read(f"{tmp_path}/none") == read(str(tmp_path)) == ""


def cgroup(tmp_path: Path, own: str, files: dict[str, str]) -> list[int]:
    for name, content in files.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (tmp_path / "own").write_text(own)
    return sorted(cpu_quotas(f"{tmp_path}/root", f"{tmp_path}/own"))


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


def test_a_quota_of_less_than_a_cpu_is_one(tmp_path: Path) -> None:
    for quota in ("0", "1000"):
        assert cgroup(tmp_path, "0::/\n", {"cpu.max": f"{quota} 100000"}) == [1]


def test_cgroups_say_their_version(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("3:cpu,cpuacct:/x\n0::/y/z\n")
    assert list(cgroups("cpu", "/root", str(own))) == [
        (1, "/root/cpu/x"),
        (1, "/root/cpu"),
        (2, "/root/y/z"),
        (2, "/root/y"),
        (2, "/root"),
    ]


def test_no_quota_and_no_cgroup(tmp_path: Path) -> None:
    assert cgroup(tmp_path, "0::/gone\n", {"cpu.max": "max 100000\n"}) == []
    assert list(cpu_quotas(own=f"{tmp_path}/missing")) == []


@pytest.mark.parametrize("quota", ["", "100000", "100000 0", "² 100000", "many 100000"])
def test_a_quota_that_is_none(tmp_path: Path, quota: str) -> None:
    assert cgroup(tmp_path, "0::/\n", {"cpu.max": quota}) == []


def test_lines_that_name_no_cgroup(tmp_path: Path) -> None:
    own = "\nunknown\n0:\n1:name=systemd:/\n"
    assert cgroup(tmp_path, own, {"cpu.max": "100000 100000"}) == []
