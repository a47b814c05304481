"""The limit that the warning names if the system refuses threads."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from bcrypt_batch import pool

WANTED = 4
NO_LIMIT = resource.RLIM_INFINITY


def limits(tmp_path: Path, own: str, files: dict[str, str]) -> list[str]:
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (tmp_path / "proc/self").mkdir(parents=True, exist_ok=True)
    (tmp_path / "proc/self/cgroup").write_text(own)
    return list(pool.limits_on_threads(WANTED, f"{tmp_path}/proc", f"{tmp_path}/cgroup"))


def test_a_cgroup_that_is_full_is_named(tmp_path: Path) -> None:
    files = {
        "cgroup/a/b/pids.max": "max",
        "cgroup/a/b/pids.current": "7",
        "cgroup/a/pids.max": "10\n",
        "cgroup/a/pids.current": "7\n",
        "cgroup/pids.max": "11",
        "cgroup/pids.current": "7",
    }
    assert limits(tmp_path, "0::/a/b\n", files) == [
        f"the cgroup's limit on tasks (10, in {tmp_path}/cgroup/a/pids.max)"
    ]


@pytest.mark.parametrize(("now", "named"), [("6", False), ("7", True), ("", False), ("?", False)])
def test_a_cgroup_with_room_is_not_named(tmp_path: Path, now: str, named: bool) -> None:
    files = {"cgroup/pids.max": "10", "cgroup/pids.current": now}
    assert bool(limits(tmp_path, "0::/\n", files)) is named


def test_a_full_cgroup_of_version_1_is_named(tmp_path: Path) -> None:
    files = {"cgroup/pids/x/pids.max": "10", "cgroup/pids/x/pids.current": "10"}
    (found,) = limits(tmp_path, "8:pids:/x\n3:cpu,cpuacct:/y\n", files)
    assert "(10, in " in found


def set_limits(monkeypatch: pytest.MonkeyPatch, **limits: int) -> None:
    """Let the system report this limit, and no other."""
    by_number = {getattr(resource, name): most for name, most in limits.items()}
    monkeypatch.setattr(resource, "getrlimit", lambda which: (by_number.get(which, NO_LIMIT), -2))


def test_the_users_limit_on_tasks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This user has two tasks, so a limit of six leaves four; other users' tasks don't count."""
    (tmp_path / "proc/77/task/77").mkdir(parents=True)
    (tmp_path / "proc/77/task/78").mkdir()
    (tmp_path / "proc/79").mkdir()  # it has ended
    (tmp_path / "proc/meminfo").write_text("")
    uid = os.getuid()
    if uid == 0:  # a user whom the limit doesn't bind
        set_limits(monkeypatch, RLIMIT_NPROC=1)
        assert limits(tmp_path, "", {}) == []
        uid = 1234
        for process in ("77", "79"):
            os.chown(tmp_path / "proc" / process, uid, -1)
        (tmp_path / "proc/80/task/80").mkdir(parents=True)
        monkeypatch.setattr(os, "getuid", lambda: uid)
    for most, named in ((5, True), (6, False), (NO_LIMIT, False)):
        set_limits(monkeypatch, RLIMIT_NPROC=most)
        text = f"RLIMIT_NPROC, the user's limit on tasks ({most}; ulimit -u)"
        assert limits(tmp_path, "", {}) == ([text] if named else [])


@pytest.mark.parametrize("no_limit", [-1, 2**64 - 1], ids=["until-3.14", "since-3.15"])
@pytest.mark.parametrize(
    ("statm", "stack_kb", "needed_kb"),
    [
        ("1000 20 3", 8192, 1000 * resource.getpagesize() // 1024 + WANTED * 8192),
        ("1000 20 3", None, 1000 * resource.getpagesize() // 1024),
        ("1000 20 3", 0, 1000 * resource.getpagesize() // 1024),
        ("", 8192, WANTED * 8192),
    ],
)
def test_the_limit_on_address_space_is_named(
    tmp_path: Path,
    statm: str,
    stack_kb: int | None,
    needed_kb: int,
    no_limit: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The address space in use, and a stack for each thread."""
    monkeypatch.setattr(resource, "RLIM_INFINITY", no_limit)
    stack = no_limit if stack_kb is None else stack_kb << 10
    for missing, named in ((1024, True), (1, True), (0, False)):
        most = (needed_kb << 10) - missing
        set_limits(monkeypatch, RLIMIT_AS=most, RLIMIT_STACK=stack)
        text = f"RLIMIT_AS, the limit on address space ({most >> 10} KB; ulimit -v)"
        assert limits(tmp_path, "", {"proc/self/statm": statm}) == ([text] if named else [])
    set_limits(monkeypatch, RLIMIT_AS=no_limit, RLIMIT_STACK=stack)
    assert limits(tmp_path, "", {}) == []


def test_without_a_limit_in_sight_the_warning_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "limits_on_threads", lambda wanted: iter([]))
    with pytest.warns(RuntimeWarning, match="memory, or a limit of the whole machine"):
        pool.warn_of_shortage(3, 1, stacklevel=1)


@pytest.mark.parametrize("refusal", [errno.EPERM, errno.ENOSYS])
def test_a_seccomp_filter_is_named(refusal: int) -> None:
    """Not memory, which is not in the way."""
    program = Path(__file__).parent / "programs/without_clone.py"
    command = [sys.executable, str(program), str(refusal)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    if done.stdout == "no seccomp\n":
        pytest.skip("the system refuses seccomp filters here, as qemu's emulation does")
    lines = done.stdout.splitlines()
    assert [line.partition(" workers")[0].rpartition(": ")[2] for line in lines] == [
        "1 instead of 2",
        "1 instead of 2",
        "0 instead of 2",
    ]
    for line in lines:
        assert f"seccomp filter, which answers {errno.errorcode[refusal]} to" in line
        assert "memory" not in line
