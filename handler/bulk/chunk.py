"""Compute a chunk, or as much of it as one invocation's time allows."""

from __future__ import annotations

import time

from bcrypt_batch.tables.compute import Pace, compute
from bcrypt_batch.tables.lines import Lines
from bcrypt_batch.tables.results import Counts, count, json_lines
from bcrypt_batch.tables.rows import Row
from fields import Fields, InvalidEvent

from . import store
from .errors import NoProgress, StepFailed
from .plan import WORKERS
from .record import Chunk, Part, Place, RunRecord

STRETCH_S = 8.0
MAX_NUMBER = 2**53  # doubles are exact up to here: Step Functions may keep numbers as doubles


def chunk_of(event: Fields) -> Chunk:
    """Return the chunk that an event is about."""
    item = event.inner("item", Chunk._fields)
    return Chunk(*(item.integer(name, 0, MAX_NUMBER) for name in Chunk._fields))


def advance(place: Place, chunk: Chunk, seconds: float) -> tuple[Chunk, Counts, bool]:
    """Use the next part of a chunk if it exists, else compute it.

    Args:
        place: Where the run is.
        chunk: What is left of the chunk.
        seconds: How long to compute at most.

    Returns:
        The rest of the chunk; the counts of the part; whether this call computed it.
    """
    stored = place.part(chunk.chunk, chunk.row)
    computed = False
    found = store.head(stored)
    if found is None:
        body, part = _compute(place, chunk, seconds)
        computed = store.create(stored, body, part.as_metadata())
        if not computed:
            # Another invocation was first, with other salts: use its part, which may be shorter.
            found = store.head(stored)
    if found is not None:
        part = Part.of_metadata(found.about)
    left = chunk.after(part)
    if left is None:
        raise StepFailed(f"{stored.called} does not fit chunk {chunk.chunk} of the plan")
    return left, part.counts, computed


def _compute(place: Place, chunk: Chunk, seconds: float) -> tuple[bytes, Part]:
    ends = time.monotonic() + seconds
    content = store.read_json(place.json("run"))
    if content is None:
        raise InvalidEvent("output: there is no run under this prefix; plan it first")
    run = RunRecord.of_json(content)
    job = run.job._replace(workers=WORKERS)
    lines: list[bytes] = []
    keep, counts = run.reading.columns.keep, Counts()
    pace = Pace(job, STRETCH_S)
    with store.open_range(run.input, run.etag, chunk.start, chunk.end) as file:
        lines_of_chunk = Lines(file, chunk.start, encoding=run.reading.encoding)
        for stretch in pace.stretches(run.rows(lines_of_chunk, piece=True)):
            began = time.monotonic()
            done = compute(job, stretch, deadline=max(0.0, ends - began))
            lines.append(json_lines(done.outcomes, chunk.row + counts.rows, keep))
            counts = counts.plus(count(done.outcomes))
            if not done.complete:
                after: Row | None = stretch[len(done.outcomes)]
                break
            pace.took(time.monotonic() - began, done.lanes)
        else:
            after = None
    if not counts.rows:
        raise NoProgress(f"not one row of chunk {chunk.chunk} was finished within {seconds:.0f} s")
    if after is None and counts.rows != chunk.rows:
        raise StepFailed(f"chunk {chunk.chunk} has {counts.rows} rows, not {chunk.rows} as planned")
    return b"".join(lines), Part(counts, chunk.end if after is None else after.start)
