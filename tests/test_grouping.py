"""The cutting of batches into groups, simulated with tables of group times, without a clock."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bcrypt_batch
from bcrypt_batch import _native
from bcrypt_batch.grouping import MAX_SPREADS, makespan, plan_groups
from tests.examples import examples
from tests.kernels import MAX_LANES

KERNEL = Path(__file__).parent.parent / "ext" / "kernel"


def group_times(path: Path) -> list[int]:
    """Return a table from a variant's source: tests need all variants, whatever this CPU."""
    found = re.search(r"\.group_times = \{([0-9, ]+)\}", path.read_text())
    assert found, path
    return [int(time) for time in found[1].split(",")]


OWN_TABLES = {
    path.stem: group_times(path)
    for path in sorted(KERNEL.glob("lanes_*.c"))
    if ".group_times" in path.read_text()  # not of a variant's second file
}
# Besides, what llvm-mca estimates for Neoverse N1 issuing three instructions a cycle, where more
# than two lanes gain nothing.
TABLES = OWN_TABLES | {"neoverse_n1": [913, 926, 1350, 1788, 2240, 2874, 3654, 4328]}


@pytest.fixture(params=TABLES)
def times(request: pytest.FixtureRequest) -> list[int]:
    """Each table of group times."""
    return TABLES[request.param]


def groups(
    counts: dict[int, int], workers: int, times: list[int], lanes: int = MAX_LANES
) -> list[tuple[int, int]]:
    """Return cost and size of each group."""
    planned = plan_groups(counts, workers, lanes, times)
    return [(cost, size) for cost, size, repeated in planned for _ in range(repeated)]


def sizes(count: int, workers: int, times: list[int], lanes: int = MAX_LANES) -> list[int]:
    return [size for _, size in groups({10: count}, workers, times, lanes)]


def simulate(counts: dict[int, int], workers: int, times: list[int], lanes: int = MAX_LANES) -> int:
    """Return when the last worker ends if each free worker takes the next group."""
    ends = [0] * workers
    for cost, size in groups(counts, workers, times, lanes):
        ends.sort()
        ends[0] += times[size - 1] << cost
    return max(ends)


def alone(most: int, times: list[int]) -> list[int]:
    """Return one worker's shortest time for 0, 1, ... `most` items of cost 0."""
    least = [0]
    for m in range(1, most + 1):
        least.append(min(least[m - k] + times[k - 1] for k in range(1, min(m, len(times)) + 1)))
    return least


def best_partition(count: int, workers: int, least: list[int]) -> int:
    """Return a lower bound of equal items' makespan: some worker has at least an even share."""
    share = -(-count // workers)
    return min(least[share : share + MAX_LANES + 1])


def test_twenty_items_on_six_workers_at_once() -> None:
    for times in OWN_TABLES.values():
        assert sizes(20, 6, times) == [4, 4, 3, 3, 3, 3]


def test_the_extension_has_these_tables() -> None:
    for name in bcrypt_batch.kernels().supported:
        table = TABLES[f"lanes_{name.replace('-', '_')}"]
        assert _native.group_times(name) == table
        assert _native.max_lanes(name) == len(table)


def test_fewer_items_than_workers_are_computed_alone(times: list[int]) -> None:
    assert sizes(3, 6, times) == [1, 1, 1]


def test_nothing_to_do(times: list[int]) -> None:
    assert plan_groups({}, 4, 4, times) == []


def test_lanes_are_a_limit(times: list[int]) -> None:
    for lanes in range(1, len(times) + 1):
        assert max(sizes(100, 2, times, lanes)) <= lanes


def test_costliest_first_and_never_mixed(times: list[int]) -> None:
    costs = [cost for cost, _ in groups({4: 2, 12: 2, 8: 1}, 2, times, lanes=4)]
    assert costs == sorted(costs, reverse=True)


def test_equal_costs_are_within_5_percent_of_the_best_partition(times: list[int]) -> None:
    least = alone(210, times)
    for workers in range(1, 9):
        for count in range(1, 201):
            end = simulate({0: count}, workers, times)
            assert end <= 1.05 * best_partition(count, workers, least), (count, workers)


# Of lanes_x86_64_bextr.c on Zen 5, which that CPU had before it got eleven lanes.
EIGHT_LANES = [969, 985, 1009, 1114, 1194, 1358, 1544, 1716]


def test_more_lanes_end_no_batch_later() -> None:
    """However many items there are: no group is larger than is worth its time."""
    eleven = TABLES["lanes_x86_64_avx"]
    for workers in range(1, 9):
        for count in range(1, 201):
            ends = simulate({0: count}, workers, eleven), simulate({0: count}, workers, EIGHT_LANES)
            assert ends[0] <= ends[1], (count, workers)


def test_long_mixed_batches_are_within_10_percent_of_a_bound(times: list[int]) -> None:
    """Three rounds and more of each cost: no schedule ends before the bound.

    The bound is the larger of two: an even share of all work (each cost's least time on one
    worker), and the best partition of the costliest items alone.
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
        bound = max(work / workers, partition)
        assert simulate(counts, workers, times) <= 1.1 * bound, (counts, workers)


def test_short_mixed_batches_are_within_half_a_percent_of_the_best_on_average(
    times: list[int],
) -> None:
    """No simple bound is close for these; instead the test tries every cut and assignment."""
    source = random.Random(20261123)
    ratios = []
    for _ in range(40):
        workers = source.randint(2, 4)
        chosen = source.sample(range(15, 20), source.randint(2, 3))
        counts = {cost: source.randint(1, 7) for cost in chosen}
        end = simulate(counts, workers, times, lanes=4)
        ratios.append(end / best_of_all(counts, workers, times[:4]))
    assert sum(ratios) / len(ratios) <= 1.005
    assert max(ratios) <= 1.05


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


@settings(max_examples=examples(50))
@given(
    st.dictionaries(st.integers(4, 31), st.integers(1, 60), max_size=8),
    st.integers(1, 12),
    st.integers(1, MAX_LANES),
    st.sampled_from(sorted(TABLES)),
)
def test_every_item_in_exactly_one_group(
    counts: dict[int, int], workers: int, lanes: int, table: str
) -> None:
    planned = plan_groups(counts, workers, lanes, TABLES[table])
    left = dict.fromkeys(counts, 0)
    for cost, size, repeated in planned:
        assert 1 <= size <= lanes
        assert repeated >= 1
        left[cost] += size * repeated
    assert left == counts
    times = [TABLES[table][size - 1] << cost for cost, size, _ in planned]
    assert times == sorted(times, reverse=True)


def test_large_batches_are_planned_at_once(times: list[int]) -> None:
    """Full groups in whole rounds leave little to search."""
    cut = sizes(100_000, 6, times)
    assert sum(cut) == 100_000
    densest = min(range(1, len(times) + 1), key=lambda size: times[size - 1] / size)
    assert cut.count(densest) > 0.98 * len(cut)
    assert sum(sizes(3000, 1024, times)) == 3000


def test_only_so_many_ways_are_tried(times: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """With any number of workers: planning time is the evaluation of makespans."""
    ends: list[int] = []

    def counted(durations: list[int], workers: int) -> int:
        ends.append(makespan(durations, workers))
        return ends[-1]

    monkeypatch.setattr("bcrypt_batch.grouping.makespan", counted)
    plan_groups({10: 3000}, 1024, MAX_LANES, times)
    assert 0 < len(ends) <= 3 * (MAX_SPREADS + 1)
