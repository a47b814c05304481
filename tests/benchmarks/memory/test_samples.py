"""The CSV file that every invocation goes to."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.memory.figures.samples import Samples, read
from benchmarks.memory.targets.invocation import Invocation
from emulator.problem import Problem
from tests.benchmarks.memory.invocations import invocation

FAILED = invocation(
    duration_ms=None, billed_ms=None, workers=None, memory_used_mb=None, error='timed out, "60 s"'
)


def test_rows_come_back_as_they_went(tmp_path: Path) -> None:
    path = tmp_path / "samples.csv"
    rows = [invocation(), invocation(cold=True, init_ms=42.5), FAILED]
    with Samples(path) as samples:
        for row in rows:
            samples.append(row)
            assert read(path)[-1] == row  # at once, before the file is closed
    assert read(path) == rows


def test_a_second_run_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "samples.csv"
    for expected in (1, 2, 3):
        with Samples(path) as samples:
            samples.append(invocation())
            assert len(samples.rows) == expected
    assert path.read_text().count("architecture") == 1


@pytest.mark.parametrize("kept", [0, 5, -1, -20])
def test_an_unfinished_last_line_is_dropped(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "samples.csv"
    with Samples(path) as samples:
        samples.append(invocation())
    whole = path.read_bytes()
    path.write_bytes(whole + whole.splitlines(keepends=True)[1][:kept])
    with Samples(path) as samples:
        assert samples.rows == [invocation()]
        samples.append(FAILED)
    assert read(path) == [invocation(), FAILED]


def test_a_file_killed_within_its_heading_starts_anew(tmp_path: Path) -> None:
    path = tmp_path / "samples.csv"
    path.write_text("at,target,arch")
    with Samples(path) as samples:
        samples.append(invocation())
    assert read(path) == [invocation()]


def test_another_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "samples.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(Problem, match="other columns"):
        read(path)


def test_no_file_is_no_rows(tmp_path: Path) -> None:
    assert read(tmp_path / "none.csv") == []
    assert len(Invocation._fields) == len(set(Invocation._fields))
