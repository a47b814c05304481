"""Cut a batch into groups: which items a thread computes together, and in which order."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def plan_groups(costs: Sequence[int], workers: int, lanes: int) -> list[list[int]]:
    """Return groups of 1 to `lanes` item indices of equal cost, costliest groups first.

    Workers take groups from the front as they become free. Items of one cost are dealt evenly to
    the workers that their share of the whole work is worth, in as few rounds as `lanes` allows:
    20 items on 6 workers become 4, 4, 3, 3, 3, 3, all computed at once, since a group of 4 takes
    hardly longer than one of 3, and two groups in a row twice as long as one.
    """
    items_of_cost: dict[int, list[int]] = {}
    for item, cost in enumerate(costs):
        items_of_cost.setdefault(cost, []).append(item)
    total_work = sum(len(items) << cost for cost, items in items_of_cost.items())

    groups = []
    for cost, items in sorted(items_of_cost.items(), reverse=True):
        share = -(-workers * (len(items) << cost) // total_work)
        rounds = -(-len(items) // (share * lanes))
        count = min(len(items), rounds * share)
        size, larger = divmod(len(items), count)
        start = 0
        for group in range(count):
            stop = start + size + (group < larger)
            groups.append(items[start:stop])
            start = stop
    return groups
