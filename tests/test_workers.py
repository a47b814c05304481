"""The default number of workers."""

from __future__ import annotations

import os

import pytest

import bcrypt_batch
from bcrypt_batch import workers
from bcrypt_batch.workers import _read_worker_count
from tests.processes import run_program


@pytest.fixture(autouse=True)
def _no_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    """Independent of this machine's cgroup."""
    monkeypatch.setattr(workers, "cpu_quotas", lambda: iter([]))


@pytest.mark.parametrize(
    "value", ["0", "-1", "1.5", "two", "auto", " ", " 2", "1025", "²", "9" * 5000]
)
def test_a_bad_worker_count_is_named(value: str) -> None:
    message = "^BCRYPT_BATCH_WORKERS must be a whole number from 1 to 1024, not .*; unset it"
    with pytest.raises(ValueError, match=message) as caught:
        _read_worker_count({"BCRYPT_BATCH_WORKERS": value})
    assert f"not {value[:40]!r}; unset" in str(caught.value)  # and nothing after it


def test_an_empty_worker_count_is_none() -> None:
    environment = {"BCRYPT_BATCH_WORKERS": "", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1536"}
    assert _read_worker_count(environment) == 1


@pytest.mark.parametrize("asked", [1, 7, 1024])
def test_the_variable_wins_over_everything(asked: int) -> None:
    environment = {
        "BCRYPT_BATCH_WORKERS": str(asked),
        "AWS_LAMBDA_MAX_CONCURRENCY": "16",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "3538",
    }
    assert _read_worker_count(environment) == asked


@pytest.mark.parametrize("value", ["auto", "7"])
def test_another_program_s_worker_count_is_its_own(value: str) -> None:
    """The environment is read once in a process."""
    name = "workers/without_a_number"
    done = run_program(name, WORKER_COUNT=value, BCRYPT_BATCH_WORKERS="2")
    assert (done.stdout, done.returncode) == ("2\n", 0), done.stderr
    done = run_program(name, WORKER_COUNT=value)
    assert (int(done.stdout), done.returncode) == (bcrypt_batch.worker_count(), 0), done.stderr


def test_a_bad_variable_is_an_error_of_each_call_that_needs_it() -> None:
    done = run_program("workers/with_a_bad_variable", BCRYPT_BATCH_WORKERS="many")
    message = "BCRYPT_BATCH_WORKERS must be a whole number from 1 to 1024, not 'many'"
    assert [line[: len(message)] for line in done.stdout.splitlines()] == [message] * 3, done.stderr


# The CPUs that Lambda makes visible at a memory size, and the workers that 1,769 MB a vCPU pay for.
@pytest.mark.parametrize(
    ("memory_mb", "visible", "expected"),
    [
        (1, 2, 1),
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
    assert _read_worker_count(environment) == expected


@pytest.mark.parametrize("memory", ["", "0", "-128", "3538 MB", "lots", "²", "1e4"])
def test_a_memory_size_that_is_none_leaves_the_cpus(
    memory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(5)))
    assert _read_worker_count({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory}) == 5


@pytest.mark.parametrize(
    ("processes", "quota", "expected"),
    [
        ("1", 16, 16), ("3", 16, 5), ("8", 16, 2), ("9", 16, 1), ("256", 16, 1), ("2", 7, 3),
        ("", 7, 16), ("0", 7, 16), ("many", 7, 16),
    ],
)  # fmt: skip
def test_processes_of_a_managed_instance_share_its_cpus(
    processes: str, quota: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))
    monkeypatch.setattr(workers, "cpu_quotas", lambda: iter([quota]))
    environment = {
        "AWS_LAMBDA_MAX_CONCURRENCY": processes,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "32768",
    }
    assert _read_worker_count(environment) == expected


def test_the_server_of_a_managed_instance_has_all_its_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))
    monkeypatch.setenv("AWS_LAMBDA_MAX_CONCURRENCY", "256")
    assert workers.server_worker_count() == 16


def test_elsewhere_it_is_at_most_the_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5})
    assert _read_worker_count({}) == 3


def test_elsewhere_it_is_at_most_the_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5})
    monkeypatch.setattr(workers, "cpu_quotas", lambda: iter([4, 2, 8]))
    assert _read_worker_count({}) == 2
    # Lambda's quota follows the memory size; its sandbox's cgroup is unspecified.
    assert _read_worker_count({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "10240"}) == 3


def test_it_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    before = bcrypt_batch.worker_count()
    monkeypatch.setenv("BCRYPT_BATCH_WORKERS", str(before + 1))
    assert bcrypt_batch.worker_count() == before >= 1


def test_start_workers_returns_their_number() -> None:
    assert bcrypt_batch.start_workers(3) == 3
    assert bcrypt_batch.start_workers(1) == 1
    assert bcrypt_batch.start_workers() == bcrypt_batch.worker_count()
    bcrypt_batch.stop_workers()
    with pytest.raises(ValueError, match="workers must be from 1 to 1024, not 0"):
        bcrypt_batch.start_workers(0)
    with pytest.raises(TypeError, match="workers must be an int, not str"):
        bcrypt_batch.start_workers("2")  # type: ignore[arg-type]
