"""How batches are cut into groups."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bcrypt_batch.grouping import plan_groups


def sizes(count: int, workers: int, lanes: int) -> list[int]:
    return [len(group) for group in plan_groups([10] * count, workers, lanes)]


def test_one_round_where_it_fits() -> None:
    assert sizes(20, 6, 6) == [4, 4, 3, 3, 3, 3]
    assert sizes(20, 6, 4) == [4, 4, 3, 3, 3, 3]


def test_fewer_items_than_workers_are_computed_alone() -> None:
    assert sizes(3, 6, 6) == [1, 1, 1]


def test_full_lanes_in_long_batches() -> None:
    assert sizes(24, 1, 6) == [6, 6, 6, 6]
    assert sizes(1000, 2, 6).count(6) >= 152
    assert len(sizes(1000, 2, 6)) % 2 == 0


def test_nothing_to_do() -> None:
    assert plan_groups([], 4, 4) == []


def test_costliest_first_and_never_mixed() -> None:
    groups = plan_groups([4, 12, 4, 12, 8], 2, 4)
    costs = [[[4, 12, 4, 12, 8][item] for item in group] for group in groups]
    assert all(len(set(group)) == 1 for group in costs)
    assert [group[0] for group in costs] == sorted((group[0] for group in costs), reverse=True)
    assert [1] in groups
    assert [3] in groups  # the two costly items go to both workers


def test_a_cost_is_spread_as_far_as_its_share_of_the_work() -> None:
    """Half of the work is worth one of two workers, who computes it together."""
    assert plan_groups([11, 11, 10, 10, 10, 10], 2, 4) == [[0, 1], [2, 3, 4, 5]]


@given(st.lists(st.integers(4, 31), max_size=200), st.integers(1, 12), st.integers(1, 8))
def test_every_item_in_exactly_one_group(costs: list[int], workers: int, lanes: int) -> None:
    groups = plan_groups(costs, workers, lanes)
    assert sorted(item for group in groups for item in group) == list(range(len(costs)))
    for group in groups:
        assert 1 <= len(group) <= lanes
        assert len({costs[item] for item in group}) == 1
