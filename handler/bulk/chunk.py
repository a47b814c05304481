"""Compute a chunk, or as much of it as one invocation's time allows."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from bcrypt_batch.tables.compute import Job, Pace, compute
from bcrypt_batch.tables.lines import Counts, count, json_lines
from bcrypt_batch.tables.rows import Columns, Layout, Row, read_rows
from bcrypt_batch.tables.source import Lines

from . import store
from .errors import InvalidEvent, NoProgress, StepFailed
from .plan import WORKERS, Chunk
from .request import Place

STRETCH_S = 8.0
MAX_NUMBER = 2**53  # what a double holds exactly, as which an engine may keep numbers


class Part(NamedTuple):
    """A part that is in S3: its first row's number is in its name, the rest in its metadata.

    Attributes:
        counts: What its lines say.
        next: Offset of the first byte of the input after its rows.
    """

    counts: Counts
    next: int

    def about(self) -> dict[str, str]:
        counted = {name: str(value) for name, value in self.counts._asdict().items()}
        return {**counted, "next": str(self.next)}

    @classmethod
    def read(cls, about: dict[str, str]) -> Part:
        return cls(Counts(*(int(about[name]) for name in Counts._fields)), int(about["next"]))


def item_of(event: Any) -> Chunk:
    """Return the chunk that an event is about."""
    item = event.get("item") if isinstance(event, dict) else None
    if not isinstance(item, dict) or {*item} != {*Chunk._fields}:
        raise InvalidEvent(f"item must be an object of {', '.join(Chunk._fields)}")
    try:
        values = {name: int(item[name]) for name in Chunk._fields}
    except (TypeError, ValueError, OverflowError):  # of a list, text, infinity
        raise InvalidEvent("item must have whole numbers only") from None
    if not all(0 <= value <= MAX_NUMBER for value in values.values()):
        raise InvalidEvent(f"item must have numbers from 0 to {MAX_NUMBER} only")
    return Chunk(**values)


def advance(place: Place, item: Chunk, seconds: float) -> tuple[Chunk, Counts, bool]:
    """Take over the part that is there, or compute one.

    Args:
        place: Where the run is.
        item: What is left of the chunk.
        seconds: For how long to compute at most.

    Returns:
        What is left now; what the part's lines say; whether they were computed here.
    """
    key = place.part(item.chunk, item.row)
    computed = False
    found = store.head(place.bucket, key)
    if found is None:
        body, part = _compute(place, item, seconds)
        computed = store.create(place.bucket, key, body, part.about())
        if not computed:
            # Another was first, with other salts: theirs counts. They may have got less far.
            found = store.head(place.bucket, key)
    if found is not None:
        part = Part.read(found.about)
    if not 0 < part.counts.rows <= item.rows:
        raise StepFailed(f"part {key} does not fit chunk {item.chunk} of the plan")
    left = item._replace(
        start=part.next, row=item.row + part.counts.rows, rows=item.rows - part.counts.rows
    )
    return left, part.counts, computed


def _compute(place: Place, item: Chunk, seconds: float) -> tuple[bytes, Part]:
    ends = time.monotonic() + seconds
    run = store.read_json(place.bucket, place.run)
    if run is None:
        raise InvalidEvent("output: there is no run under this prefix; a plan comes first")
    job = Job(**run["job"])._replace(workers=WORKERS)
    columns = Columns(**{**run["columns"], "keep": tuple(run["columns"]["keep"])})
    layout = run["layout"] and Layout(**{**run["layout"], "keep": tuple(run["layout"]["keep"])})
    lines: list[bytes] = []
    counts = Counts()
    pace = Pace(job, STRETCH_S)
    source = run["input"]
    with store.open_range(
        source["bucket"], source["key"], run["etag"], item.start, item.end
    ) as file:
        rows = read_rows(Lines(file, item.start), run["format"], columns, layout, run["delimiter"])
        for stretch in pace.stretches(rows):
            began = time.monotonic()
            done = compute(job, stretch, deadline=max(0.0, ends - began))
            lines.append(json_lines(done.outcomes, item.row + counts.rows, columns.keep))
            counts = counts.plus(count(done.outcomes))
            if not done.complete:
                after: Row | None = stretch[len(done.outcomes)]
                break
            pace.took(time.monotonic() - began, done.lanes)
        else:
            after = None
    if not counts.rows:
        raise NoProgress(f"not one row of chunk {item.chunk} was finished within {seconds:.0f} s")
    if after is None and counts.rows != item.rows:
        raise StepFailed(f"chunk {item.chunk} has {counts.rows} rows, not {item.rows} as planned")
    return b"".join(lines), Part(counts, item.end if after is None else after.start)
