"""The engine without Python: each promise of batch.h."""

from __future__ import annotations

import pytest

from tests.drivers import counts
from tests.kernels import COMPILER, ENGINES, CompileKernel


@pytest.fixture(scope="module", params=ENGINES)
def counted(
    request: pytest.FixtureRequest,
    compile_kernel: CompileKernel,
    tmp_path_factory: pytest.TempPathFactory,
) -> list[str]:
    """The driver's output."""
    flags = ENGINES[request.param]
    return counts("batch", COMPILER, flags, compile_kernel, tmp_path_factory)


@pytest.mark.parametrize(("workers", "batches"), [(1, 1), (2, 2), (3, 1)])
def test_each_item_is_computed_whoever_computes(
    workers: int, batches: int, counted: list[str]
) -> None:
    """By the caller, by the batch's own threads, or by the shared pool."""
    who = "here 1, elsewhere 0" if workers == 1 else "here 0, elsewhere 1"
    line = f"workers {workers}: lanes 3, threads {workers}, done 50 of 50, wrong 0, shrunk 0, {who}"
    assert counted.count(line) == batches


@pytest.mark.parametrize("workers", [1, 2])
def test_a_batch_ends_at_its_deadline_and_when_it_is_stopped(
    workers: int, counted: list[str]
) -> None:
    assert f"workers {workers}, deadline: late 1, done 0" in counted
    assert f"workers {workers}, stop: late 0, done 0" in counted
    assert f"workers {workers}, abort: late 0, done 0" in counted
    assert f"workers {workers}, stopped midway: done 6 of 6, wrong 0" in counted


def test_a_batch_goes_on_however_short_its_slices(counted: list[str]) -> None:
    """Each has 16 iterations; in the last one the worker finds no more groups."""
    assert "shortest slices for 256 iterations: 17" in counted


def test_a_plan_has_each_item_once(counted: list[str]) -> None:
    assert "plans: taken 1, refused 7, workers 3, lanes 2" in counted
    assert "a batch of nothing: taken 1, over 1" in counted


def test_a_thread_that_is_refused_after_the_trial_ends_nothing(counted: list[str]) -> None:
    """Where pool.c makes it. OpenMP would end the process; it is not refused here."""
    made = {"made by OpenMP: 3 of 3, refusal 0", "made by pool.c: 2 of 3, refusal 1"}
    assert len(made & {*counted}) == 1


def test_keys_and_states_are_wiped_however_a_batch_ends(counted: list[str]) -> None:
    assert counted.count("wiped: items 1, workers 1") == 4 + 2 * 3
