"""A table for the tests of runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tables.samples import as_csv, users


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "users.csv"
    file.write_bytes(as_csv(users(300)))
    return file


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A table that takes seconds, so that tests can stop the run."""
    file = tmp_path / "large.csv"
    file.write_bytes(as_csv(users(4000)))
    return file
