"""The number of a thread's lanes, by the system's description of its CPUs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bcrypt_batch import _native
from bcrypt_batch.lanes import Machine, lane_limit


def sysfs(root: Path, siblings: list[str | None], cache: str | None) -> str:
    for cpu, text in enumerate(siblings):
        folder = root / f"cpu{cpu}"
        (folder / "cache" / "index0").mkdir(parents=True)
        (folder / "topology").mkdir()
        if text is not None:
            (folder / "topology" / "thread_siblings_list").write_text(text + "\n")
        if cache is not None:
            for name, content in (("level", "1"), ("type", "Data"), ("size", cache)):
                (folder / "cache" / "index0" / name).write_text(content + "\n")
    return str(root)


def test_a_core_for_each_thread(tmp_path: Path, kernel: str) -> None:
    machine = Machine({0, 1}, sysfs(tmp_path, ["0", "1"], "48K"))
    assert (machine.cores, machine.cache_bytes) == (2, 48 << 10)
    assert machine.lanes(kernel, 2) == _native.max_lanes(kernel)  # the table of times decides


def test_two_threads_of_a_core(tmp_path: Path, kernel: str) -> None:
    machine = Machine({0, 1, 2, 3}, sysfs(tmp_path, ["0-1", "0-1", "2-3", "2-3"], "32K"))
    assert machine.cores == 2
    assert machine.lanes(kernel, 2) == 8  # each has a core
    assert machine.lanes(kernel, 3) == _native.shared_lanes(kernel) == 4


def test_a_small_cache_leaves_room_for_fewer(tmp_path: Path, kernel: str) -> None:
    machine = Machine({0, 1}, sysfs(tmp_path, ["0,1", "0,1"], "16K"))
    assert machine.lanes(kernel, 1) == 4
    assert machine.lanes(kernel, 2) == 2


@pytest.mark.parametrize(("architecture", "cores"), [("x86_64", 3), ("aarch64", 6)])
def test_where_nothing_is_known(
    tmp_path: Path, kernel: str, architecture: str, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Lambda's x86_64 two CPUs are threads of one core, on its arm64 they are not."""
    uname = os.uname()
    monkeypatch.setattr(os, "uname", lambda: os.uname_result((*uname[:4], architecture)))
    machine = Machine(set(range(6)), sysfs(tmp_path, [None] * 6, None))
    assert (machine.cores, machine.cache_bytes) == (cores, 32 << 10)


@pytest.mark.parametrize(
    ("size", "cache_bytes"),
    [
        ("64K", 64 << 10),
        ("1M", 1 << 20),
        ("1G", 1 << 30),
        ("", 32 << 10),
        ("0K", 32 << 10),
        ("65536", 32 << 10),
        ("K", 32 << 10),
        ("-64K", 32 << 10),
        ("²K", 32 << 10),
        ("64 KiB", 32 << 10),
        ("unknown", 32 << 10),
    ],
)
def test_sizes_of_the_cache(tmp_path: Path, size: str, cache_bytes: int) -> None:
    assert Machine({0}, sysfs(tmp_path, ["0"], size)).cache_bytes == cache_bytes


@pytest.mark.parametrize("index", range(4))
def test_the_place_of_the_cache_does_not_matter(tmp_path: Path, index: int) -> None:
    root = sysfs(tmp_path, ["0"], "64K")
    caches = tmp_path / "cpu0" / "cache"
    (caches / "index0").rename(caches / f"index{index}")
    assert Machine({0}, root).cache_bytes == 64 << 10


def test_no_cache_is_too_small_for_one_lane(tmp_path: Path, kernel: str) -> None:
    machine = Machine({0, 1}, sysfs(tmp_path, ["0,1", "0,1"], "1K"))
    assert machine.lanes(kernel, 1) == machine.lanes(kernel, 2) == 1


def test_a_cache_without_a_size(tmp_path: Path, kernel: str) -> None:
    """An arm64 virtual machine on a Mac shows a cache's level and type only."""
    root = sysfs(tmp_path, ["0", "1"], "64K")
    for cpu in (0, 1):
        (tmp_path / f"cpu{cpu}" / "cache" / "index0" / "size").unlink()
    machine = Machine({0, 1}, root)
    assert machine.cache_bytes == 32 << 10
    assert machine.lanes(kernel, 2) == 8


def test_this_machine(kernel: str) -> None:
    assert 1 <= lane_limit(kernel, 1) <= _native.max_lanes(kernel) <= _native.MAX_LANES
