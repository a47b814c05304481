"""How batches are cut into groups: by simulation from tables of group times, not by a clock."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bcrypt_batch
from bcrypt_batch import _native
from bcrypt_batch.grouping import makespan, plan_groups

KERNEL = Path(__file__).parent.parent / "ext" / "kernel"


def group_times(path: Path) -> list[int]:
    """Return the table in a variant's source: all variants matter, on whatever CPU this runs."""
    found = re.search(r"\.group_times = \{([0-9, ]+)\}", path.read_text())
    assert found, path
    return [int(time) for time in found[1].split(",")]


# Besides, what llvm-mca estimates for Neoverse N1 issuing three instructions a cycle, where more
# than two lanes gain nothing.
TABLES = {
    **{path.stem: group_times(path) for path in KERNEL.glob("lanes_*.c")},
    "neoverse_n1": [913, 926, 1350, 1788, 2240, 2874, 3654, 4328],
}


@pytest.fixture(params=TABLES)
def times(request: pytest.FixtureRequest) -> list[int]:
    """Each table of group times."""
    return TABLES[request.param]


def sizes(count: int, workers: int, times: list[int], lanes: int = 8) -> list[int]:
    return [len(group) for group in plan_groups([10] * count, workers, lanes, times)]


def simulate(costs: list[int], workers: int, times: list[int], lanes: int = 8) -> int:
    """Return when the last of the workers ends, each taking the next group when it is free."""
    ends = [0] * workers
    for group in plan_groups(costs, workers, lanes, times):
        ends.sort()
        ends[0] += times[len(group) - 1] << costs[group[0]]
    return max(ends)


def alone(most: int, times: list[int]) -> list[int]:
    """Return the least time in which one worker can do 0, 1 ... `most` items of cost 0."""
    least = [0]
    for m in range(1, most + 1):
        least.append(min(least[m - k] + times[k - 1] for k in range(1, min(m, len(times)) + 1)))
    return least


def best_partition(count: int, workers: int, least: list[int]) -> int:
    """Return the least makespan of equal items: some worker has at least its share to do."""
    share = -(-count // workers)
    return min(least[share : share + 9])


def test_twenty_items_on_six_workers_at_once() -> None:
    for path in KERNEL.glob("lanes_*.c"):
        assert sizes(20, 6, TABLES[path.stem]) == [4, 4, 3, 3, 3, 3]


def test_the_extension_has_these_tables() -> None:
    for name in bcrypt_batch.kernels().supported:
        assert _native.group_times(name) == TABLES[f"lanes_{name.replace('-', '_')}"]


def test_fewer_items_than_workers_are_computed_alone(times: list[int]) -> None:
    assert sizes(3, 6, times) == [1, 1, 1]


def test_nothing_to_do(times: list[int]) -> None:
    assert plan_groups([], 4, 4, times) == []


def test_lanes_are_a_limit(times: list[int]) -> None:
    for lanes in range(1, 9):
        assert max(sizes(100, 2, times, lanes)) <= lanes


def test_costliest_first_and_never_mixed(times: list[int]) -> None:
    costs = [4, 12, 4, 12, 8]
    groups = [[costs[item] for item in group] for group in plan_groups(costs, 2, 4, times)]
    assert all(len(set(group)) == 1 for group in groups)
    assert groups[0][0] == 12
    assert groups[-1][0] == 4


def test_equal_costs_are_within_5_percent_of_the_best_partition(times: list[int]) -> None:
    least = alone(210, times)
    for workers in range(1, 9):
        for count in range(1, 201):
            end = simulate([0] * count, workers, times)
            assert end <= 1.05 * best_partition(count, workers, least), (count, workers)


def test_long_mixed_batches_are_within_10_percent_of_a_bound(times: list[int]) -> None:
    """Three rounds and more of each cost: no schedule ends before the bound.

    It is the larger of the work (each cost's least time on one worker) shared out evenly, and of
    the best partition of the costliest items alone.
    """
    source = random.Random(20261123)
    for _ in range(60):
        workers = source.randint(1, 8)
        counts = {
            cost: source.randint(24 * workers, 24 * workers + 200)
            for cost in source.sample(range(4, 15), source.randint(2, 4))
        }
        least = alone(max(counts.values()) + 10, times)
        work = sum(least[count] << cost for cost, count in counts.items())
        partition = max(
            best_partition(count, workers, least) << cost for cost, count in counts.items()
        )
        costs = [cost for cost, count in counts.items() for _ in range(count)]
        source.shuffle(costs)
        bound = max(work / workers, partition)
        assert simulate(costs, workers, times) <= 1.1 * bound, (counts, workers)


def test_short_mixed_batches_are_within_10_percent_of_the_best(times: list[int]) -> None:
    """There no simple bound is near; every way to cut and to assign is tried instead."""
    source = random.Random(20261123)
    for _ in range(40):
        workers = source.randint(2, 4)
        chosen = source.sample(range(15, 20), source.randint(2, 3))
        counts = {cost: source.randint(1, 7) for cost in chosen}
        costs = [cost for cost, count in counts.items() for _ in range(count)]
        end = simulate(costs, workers, times, lanes=4)
        assert end <= 1.1 * best_of_all(counts, workers, times[:4]), (counts, workers)


def best_of_all(counts: dict[int, int], workers: int, times: list[int]) -> int:
    best = sum(times[0] * count << cost for cost, count in counts.items())
    for cuts in product(*(partitions(count, len(times)) for count in counts.values())):
        durations = [
            times[size - 1] << cost for cost, cut in zip(counts, cuts, strict=True) for size in cut
        ]
        best = least_makespan(sorted(durations, reverse=True), [0] * workers, best)
    return best


def partitions(count: int, largest: int) -> Iterator[tuple[int, ...]]:
    if count == 0:
        yield ()
    for size in range(min(count, largest), 0, -1):
        yield from ((size, *rest) for rest in partitions(count - size, size))


def least_makespan(durations: list[int], ends: list[int], best: int) -> int:
    """Return the least makespan of all assignments, or `best` if none is below it."""
    if not durations:
        return min(best, max(ends))
    if sum(durations) + sum(ends) >= best * len(ends):
        return best
    for end in set(ends):
        if end + durations[0] < best:
            others = [*ends]
            others.remove(end)
            best = least_makespan(durations[1:], [*others, end + durations[0]], best)
    return best


def test_makespan() -> None:
    assert makespan([3, 3, 2, 2, 2], 2) == 7
    assert makespan([], 3) == 0


@given(
    st.lists(st.integers(4, 31), max_size=200),
    st.integers(1, 12),
    st.integers(1, 8),
    st.sampled_from(sorted(TABLES)),
)
def test_every_item_in_exactly_one_group(
    costs: list[int], workers: int, lanes: int, table: str
) -> None:
    groups = plan_groups(costs, workers, lanes, TABLES[table])
    assert sorted(item for group in groups for item in group) == list(range(len(costs)))
    for group in groups:
        assert 1 <= len(group) <= lanes
        assert len({costs[item] for item in group}) == 1


def test_large_batches_are_planned_at_once(times: list[int]) -> None:
    """Full groups, in whole rounds: what is left to search is small."""
    groups = sizes(100_000, 6, times)
    assert sum(groups) == 100_000
    densest = min(range(1, 9), key=lambda size: times[size - 1] / size)
    assert groups.count(densest) > 0.98 * len(groups)
    assert sum(sizes(3000, 1024, times)) == 3000
