"""The benchmark of small batches: what its grids hold, whatever the times."""

from __future__ import annotations

import argparse

from benchmarks.cpu import small


def test_a_line_for_each_size_and_pool() -> None:
    parser = argparse.ArgumentParser()
    small.add_arguments(parser)
    words = "--items 1 5 --costs 4 --workers 2 --seconds 0 --large 0"
    grid = small.small(parser.parse_args(words.split()))
    assert [row[:3] for row in grid.rows] == [
        [4, threads, items] for threads in ("kept", "of the call") for items in (1000, 1, 5)
    ]
    assert all(len(row) == len(grid.headings) for row in grid.rows)
    for row in grid.rows:
        assert all(time >= 0 for time in row[3:])


def test_a_large_batch_has_one_line() -> None:
    grid = small.large(3000, 2)
    (row,) = grid.rows
    assert len(row) == len(grid.headings)
    assert all(figure >= 0 for figure in row)
