"""The record of a run on S3: the keys and contents of its objects.

run.json is a RunRecord, which has all that the results depend on. notes.json has the notes on the
passwords: counts and row numbers. plan.json is a list of Chunks. The objects under parts/ have the
result lines, and a Part as their metadata. manifest.json has the counts and the parts of a complete
run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from bcrypt_batch.tables.compute import Job
from bcrypt_batch.tables.layout import Layout
from bcrypt_batch.tables.lines import Lines
from bcrypt_batch.tables.reading import read_rows
from bcrypt_batch.tables.results import Counts
from bcrypt_batch.tables.rows import Reading, Row, with_tuples


class Stored(NamedTuple):
    """The name of an object in S3.

    Attributes:
        called: The object's name in messages, which quote neither bucket nor key.
    """

    bucket: str
    key: str
    called: str


class Place(NamedTuple):
    """Where a run keeps its objects."""

    bucket: str
    prefix: str

    def _at(self, name: str) -> Stored:
        return Stored(self.bucket, f"{self.prefix}{name}", f"the output's {name}")

    def json(self, name: Literal["run", "plan", "notes", "manifest"]) -> Stored:
        return self._at(f"{name}.json")

    def part(self, chunk: int, row: int) -> Stored:
        return self._at(f"parts/{chunk:08}-{row:012}.jsonl")


class RunRecord(NamedTuple):
    """Everything on which the results of a run depend.

    Attributes:
        bucket: The input's bucket; `key` is the input's key.
        reading: How the input's bytes become rows.
        etag: The input's tag (ETag) when it was planned; `size` is the input's size in bytes.
        layout: The positions of a CSV's columns.
    """

    bucket: str
    key: str
    reading: Reading
    job: Job
    etag: str = ""
    size: int = 0
    layout: Layout | None = None

    @property
    def input(self) -> Stored:
        return Stored(self.bucket, self.key, "the input")

    def rows(self, lines: Lines, *, piece: bool = False) -> Iterator[Row]:
        """Yield the rows of the input, or of a piece of it that begins and ends between rows."""
        return read_rows(lines, self.reading, self.layout, piece=piece)

    def as_json(self) -> Any:
        """Return run.json's content. The number of workers is the function's, not the run's."""
        content = {
            "job": self.job.as_options(),
            "input": {"bucket": self.bucket, "key": self.key},
            **self.reading.as_options(),
            "etag": self.etag,
            "size": self.size,
            "layout": self.layout and self.layout._asdict(),
        }
        return json.loads(json.dumps(content))  # tuples become lists

    @classmethod
    def of_json(cls, content: Any) -> RunRecord:
        layout = content["layout"]
        return cls(
            **content["input"],
            reading=Reading.of_options(content),
            job=Job(**content["job"]),
            etag=content["etag"],
            size=content["size"],
            layout=layout and Layout(**with_tuples(layout)),
        )


class Part(NamedTuple):
    """A part in S3. Its key has the number of its first row, its metadata has these fields.

    Attributes:
        counts: The counts of the part's lines.
        next: Offset in the input of the first byte after the part's rows.
    """

    counts: Counts
    next: int

    def as_metadata(self) -> dict[str, str]:
        counted = {name: str(value) for name, value in self.counts._asdict().items()}
        return {**counted, "next": str(self.next)}

    @classmethod
    def of_metadata(cls, about: dict[str, str]) -> Part:
        counts = Counts(*(int(about[name]) for name in Counts._fields))
        return cls(counts, int(about["next"]))


class Chunk(NamedTuple):
    """A piece of a table that begins and ends between rows.

    Attributes:
        chunk: The chunk's number.
        start: Offset of the chunk's first byte.
        end: Offset of the first byte after the chunk.
        row: Number of the chunk's first row.
        rows: How many rows the chunk has.
    """

    chunk: int
    start: int
    end: int
    row: int
    rows: int

    def after(self, part: Part) -> Chunk | None:
        """Return the rest of the chunk after its first part; None if the part doesn't fit."""
        done = part.counts.rows
        if not 0 < done <= self.rows:
            return None
        return self._replace(start=part.next, row=self.row + done, rows=self.rows - done)
