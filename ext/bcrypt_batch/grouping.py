"""Cut a batch into groups: which items a thread computes together, and in which order.

A free worker takes the next group; the costliest groups are first (longest processing time first:
Graham, "Bounds on Multiprocessing Timing Anomalies", 1969). Each kernel has a table of the relative
time of a group of k items. While the core has free issue slots, one more item adds hardly any time;
after that the time grows in proportion to k. So for 6 workers 20 items are best cut into groups of
4, 4, 3, 3, 3 and 3, and 3 items into groups of 1; for one worker 25 items are best cut into full
groups.
"""

from __future__ import annotations

from heapq import heapreplace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Sizes = tuple[int, ...]

# With more groups than this for each worker, only the groups' efficiency matters.
ROUNDS_PLANNED = 8
MAX_SPREADS = 16


def plan_groups(
    counts: dict[int, int], workers: int, lanes: int, times: Sequence[int]
) -> list[tuple[int, int, int]]:
    """Return groups of 1 to `lanes` items of one cost, the longest first.

    Args:
        counts: How many items there are of each cost.
        workers: How many threads take groups.
        lanes: The most items a group may have.
        times: `times[k - 1]` is how long a group of k items takes, in any unit.

    Returns:
        For each cost and size: the cost, the items of a group, and the number of groups.
    """
    planner = _Planner(workers, times[:lanes], most=max(counts.values(), default=0))
    groups = [
        (cost, size, sizes.count(size))
        for cost, sizes in planner.cut(counts).items()
        for size in set(sizes)
    ]
    return sorted(
        groups, key=lambda group: (times[group[1] - 1] << group[0], group[1]), reverse=True
    )


def makespan(durations: list[int], workers: int) -> int:
    """Return when the last worker ends if each free worker takes the longest remaining job."""
    ends = [0] * workers
    for duration in sorted(durations, reverse=True):
        heapreplace(ends, ends[0] + duration)
    return max(ends)


class _Planner:
    """Searches for the cut of each cost's items with which the batch ends first."""

    def __init__(self, workers: int, times: Sequence[int], most: int) -> None:
        self.workers = workers
        self.times = times
        sizes = range(1, len(times) + 1)
        self.densest = min(sizes, key=lambda size: times[size - 1] / size)
        # For m items on one worker: the shortest time, and the first group size of that cut.
        least = [0]
        self.firsts = [0]
        for _ in range(min(most, (ROUNDS_PLANNED + 2) * len(times))):
            before = least[: -len(times) - 1 : -1]  # for one item less, for two items less ...
            ends = [end + time for end, time in zip(before, times, strict=False)]
            least.append(min(ends))
            self.firsts.append(ends.index(least[-1]) + 1)

    def cut(self, counts: dict[int, int]) -> dict[int, Sizes]:
        """Return group sizes for each cost, given the number of items of each cost."""
        # Full rounds of the densest groups keep all workers equally busy, without a search.
        full_rounds: dict[int, Sizes] = {}
        options: dict[int, list[Sizes]] = {}
        for cost, count in counts.items():
            rounds = max(0, count // (self.workers * self.densest) - ROUNDS_PLANNED)
            full_rounds[cost] = (self.densest,) * (rounds * self.workers)
            options[cost] = list(self._options(count - self.densest * len(full_rounds[cost])))
        return {cost: full_rounds[cost] + sizes for cost, sizes in self._search(options).items()}

    def _options(self, count: int) -> Iterator[Sizes]:
        """Yield ways to cut items of one cost: spread over some workers, or in equal groups."""
        spreads: Sequence[int] = range(1, min(count, self.workers) + 1)
        if len(spreads) > MAX_SPREADS:
            step = -(-len(spreads) // MAX_SPREADS)
            spreads = [*spreads[::step], spreads[-1]]
        for spread in reversed(spreads):
            share, larger = divmod(count, spread)
            if share + (larger > 0) < len(self.firsts):
                more = self._alone(share + 1) if larger else ()
                yield more * larger + self._alone(share) * (spread - larger)
            for size in {len(self.times), self.densest}:
                groups = spread * -(-count // (spread * size))
                small, larger = divmod(count, groups) if groups <= count else (1, 0)
                yield (small + 1,) * larger + (small,) * (min(groups, count) - larger)

    def _alone(self, count: int) -> Sizes:
        sizes = []
        while count > 0:
            sizes.append(self.firsts[count])
            count -= sizes[-1]
        return tuple(sizes)

    def _search(self, options: dict[int, list[Sizes]]) -> dict[int, Sizes]:
        """Improve the cut of one cost at a time until nothing ends the batch sooner."""
        durations = {
            cost: {sizes: [self.times[size - 1] << cost for size in sizes] for sizes in cuts}
            for cost, cuts in options.items()
        }

        def ends(choice: dict[int, Sizes]) -> int:
            return makespan(
                [d for cost, sizes in choice.items() for d in durations[cost][sizes]], self.workers
            )

        if len(options) == 1:  # the search below finds the same cut in four times the time
            ((cost, cuts),) = durations.items()
            return {cost: min(cuts, key=lambda sizes: makespan(cuts[sizes], self.workers))}

        def improve(chosen: dict[int, Sizes]) -> tuple[int, dict[int, Sizes]]:
            best, before = ends(chosen), None
            while best != before:
                before = best
                for cost in sorted(options, reverse=True):
                    for sizes in durations[cost]:
                        choice = {**chosen, cost: sizes}
                        if (end := ends(choice)) < best:
                            best, chosen = end, choice
            return best, chosen

        # Start from both extremes: each cost on all workers, and each cost on as few as possible.
        starts = ({cost: cuts[place] for cost, cuts in options.items()} for place in (0, -1))
        return min(map(improve, starts), key=lambda found: found[0])[1]
