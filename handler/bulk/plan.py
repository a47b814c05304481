"""Plan a run: cut the table into chunks between rows, each within one invocation's time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import bcrypt_batch
from bcrypt_batch.tables.compute import measure
from bcrypt_batch.tables.kinds import InvalidTable, NoSuchColumn
from bcrypt_batch.tables.notes import Notes, looked_ahead
from bcrypt_batch.tables.reading import read_layout
from bcrypt_batch.tables.rows import Row
from environment import asked_workers
from fields import InvalidEvent

from . import store
from .errors import InputReplaced, RunMismatch
from .record import Chunk, Place, RunRecord
from .start import RunRequest

SHARE = 0.4  # of the function's time, which a chunk is planned for: the speed of instances varies
MAX_CHUNK_BYTES = 16 << 20
MAX_CHUNK_ROWS = 200_000
# A password alone in a thread takes so many times as long as one of several interleaved passwords.
ALONE = 4.5


WORKERS = asked_workers(os.environ)  # of this function; may change between two invocations of a run


class Limits(NamedTuple):
    """What a chunk may hold: rows, and iterations of the key schedule."""

    rows: int
    weight: float


def plan(request: RunRequest, seconds: float) -> dict[str, Any]:
    """Plan a run, or find its plan; return the input for the rest of the state machine.

    Args:
        request: The run to plan.
        seconds: How much time one invocation of this function has.
    """
    place, run = request.place, request.record
    found = store.head(run.input)
    if found is None:
        raise InvalidEvent("input: there is no such object in the bucket")
    items = store.read_json(place.json("plan"))
    with store.open_range(run.input, found.etag) as file:
        try:
            lines, reading, layout = read_layout(file, run.reading)
            run = run._replace(reading=reading, etag=found.etag, size=found.size, layout=layout)
            notes = Notes(expected=(*run.job.expected, *reading.expected))
            rows = notes.taking(looked_ahead(run.rows(lines), run.job.check))
            cut = list(chunks(run, rows, limits(request, seconds))) if items is None else []
        except NoSuchColumn as error:
            raise InvalidTable(error.unnamed) from None
    _claim(place, run)  # after the table was read: a refused table leaves the prefix free
    if items is None:
        items = [chunk._asdict() for chunk in cut]
        store.create_json(place.json("notes"), notes.found)
        if not store.create_json(place.json("plan"), items):
            items = store.read_json(place.json("plan"))  # another invocation was first
    return {
        "output": place._asdict(),
        "plan": place.json("plan").key,
        "chunks": len(items),
        "rows": sum(item["rows"] for item in items),
        "concurrency": request.concurrency,
    }


def _claim(place: Place, record: RunRecord) -> None:
    """Write run.json, or check that the existing one has the same input and options."""
    run = record.as_json()
    if store.create_json(place.json("run"), run):
        return
    former = store.read_json(place.json("run"))
    if former == run:
        return
    if {**former, "etag": 0, "size": 0, "layout": 0} == {**run, "etag": 0, "size": 0, "layout": 0}:
        raise InputReplaced(
            "the output's prefix belongs to a run with an earlier content of this input; "
            "take another prefix, or restore the earlier content"
        )
    names = sorted(name for name in run if former.get(name) != run[name])
    raise RunMismatch(
        f"the output's prefix belongs to a run with another {', '.join(names)}; take another prefix"
    )


def limits(request: RunRequest, seconds: float) -> Limits:
    """Return what a chunk may hold, by the speed of this function."""
    job = request.record.job._replace(workers=WORKERS)
    workers = WORKERS or bcrypt_batch.worker_count()
    rate, lanes = measure(job._replace(cost=8), seconds=0.5)
    iterations = rate * (1 << 8)  # a second
    cost = job.cost if job.operation == "hash" else job.max_cost
    alone = ALONE * workers * (1 << cost) / iterations
    if alone > 0.8 * seconds:
        name = "cost" if job.operation == "hash" else "max_cost"
        raise InvalidEvent(
            f"{name}: a row takes about {alone:.0f} s, more than the {seconds:.0f} s that the "
            f"function has; ask for a lower {name}"
        )
    weight = SHARE * seconds * iterations
    rows = MAX_CHUNK_ROWS
    if job.operation == "hash":
        rows = min(rows, int(weight / (1 << cost)))
    step = workers * lanes
    rows = max(1, rows if rows < step else rows // step * step)
    return Limits(min(rows, request.chunk_rows or rows), weight)


def chunks(run: RunRecord, rows: Iterator[Row], limits: Limits) -> Iterator[Chunk]:
    """Yield a table's chunks."""
    number = first = start = held = 0
    weight = 0.0
    for row in rows:
        own = run.job.weigh(row)
        full = (
            held >= limits.rows
            or weight + own > limits.weight
            or row.start - start >= MAX_CHUNK_BYTES - (1 << 20)
        )
        if held and full:
            yield Chunk(number, start, row.start, first, held)
            number, first, held, weight = number + 1, first + held, 0, 0.0
        if not held:
            start = row.start
        held += 1
        weight += own
    if held:
        yield Chunk(number, start, run.size, first, held)
