"""Plan a run: cut the table into chunks between rows, each within one invocation's time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import bcrypt_batch
from bcrypt_batch.tables import kinds
from bcrypt_batch.tables.compute import measure
from bcrypt_batch.tables.rows import Layout, Row, read_layout, read_rows
from bcrypt_batch.tables.source import Lines
from environment import asked_workers

from . import store
from .errors import InputReplaced, InvalidEvent, InvalidTable, RunMismatch
from .request import Request

SHARE = 0.4  # of the function's time that a chunk may take: instances differ, and neighbours
MAX_CHUNK_BYTES = 16 << 20
MAX_CHUNK_ROWS = 200_000
# One password alone in a thread takes so many times as long as each of several interleaved ones.
ALONE = 4.5


WORKERS = asked_workers(os.environ)  # of this function, which may change between two of a run


class Limits(NamedTuple):
    """What a chunk may hold: rows, and iterations of the key schedule."""

    rows: int
    weight: float


def plan(request: Request, seconds: float) -> dict[str, Any]:
    """Plan a run, or find its plan; return what the state machine needs to know.

    Args:
        request: What the run is to do.
        seconds: How much time one invocation of this function has.
    """
    place = request.place
    found = store.head(request.bucket, request.key)
    if found is None:
        raise InvalidEvent("input: there is no such object in the bucket")
    with store.open_range(request.bucket, request.key, found.etag) as file:
        try:
            lines, layout = read_layout(file, request.form, request.columns, request.delimiter)
        except kinds.InvalidTable as error:
            raise InvalidTable(str(error)) from None
        _claim(request, found, layout)
        items = store.read_json(place.bucket, place.plan)
        if items is None:
            cut = chunks(request, lines, layout, limits(request, seconds), found.size)
            items = [chunk._asdict() for chunk in cut]
            if not store.create_json(place.bucket, place.plan, items):
                items = store.read_json(place.bucket, place.plan)  # another was first
    return {
        "output": place._asdict(),
        "plan": place.plan,
        "chunks": len(items),
        "rows": sum(item["rows"] for item in items),
        "concurrency": request.concurrency,
    }


def _claim(request: Request, found: store.Found, layout: Layout | None) -> None:
    """Write run.json, or see that the one that is there is of the same input and options."""
    place = request.place
    run = {
        **request.options(),
        "etag": found.etag,
        "size": found.size,
        "layout": layout and layout._asdict() | {"keep": list(layout.keep)},
    }
    if store.create_json(place.bucket, place.run, run):
        return
    former = store.read_json(place.bucket, place.run)
    if former == run:
        return
    if {**former, "etag": 0, "size": 0, "layout": 0} == {**run, "etag": 0, "size": 0, "layout": 0}:
        raise InputReplaced(
            "the output's prefix belongs to a run of a former content of this input; "
            "take another prefix, or put the former one back"
        )
    names = sorted(name for name in run if former.get(name) != run[name])
    raise RunMismatch(
        f"the output's prefix belongs to a run with another {', '.join(names)}; take another prefix"
    )


def limits(request: Request, seconds: float) -> Limits:
    """Return what a chunk may hold, by the speed of this function."""
    job = request.job._replace(workers=WORKERS)
    workers = WORKERS or bcrypt_batch.worker_count()
    rate, lanes = measure(job._replace(cost=8), seconds=0.5)
    iterations = rate * (1 << 8)  # a second
    cost = job.cost if job.operation == "hash" else job.max_cost
    alone = ALONE * workers * (1 << cost) / iterations
    if alone > 0.8 * seconds:
        raise InvalidEvent(
            f"{'cost' if job.operation == 'hash' else 'max_cost'} {cost} takes about {alone:.0f} s "
            f"a row, more than the {seconds:.0f} s that the function has"
        )
    weight = SHARE * seconds * iterations
    rows = MAX_CHUNK_ROWS
    if job.operation == "hash":
        rows = min(rows, int(weight / (1 << cost)))
    step = workers * lanes
    rows = max(1, rows if rows < step else rows // step * step)
    return Limits(min(rows, request.chunk_rows or rows), weight)


class Chunk(NamedTuple):
    """A piece of a table that begins and ends between rows.

    Attributes:
        chunk: Its number.
        start: Offset of its first byte.
        end: Offset of the first byte after it.
        row: Number of its first row.
        rows: How many rows it has.
    """

    chunk: int
    start: int
    end: int
    row: int
    rows: int


def chunks(
    request: Request, lines: Lines, layout: Layout | None, limits: Limits, size: int
) -> Iterator[Chunk]:
    """Yield a table's chunks."""
    rows: Iterator[Row] = read_rows(lines, request.form, request.columns, layout, request.delimiter)
    number = first = start = held = 0
    weight = 0.0
    for row in rows:
        own = request.job.weigh(row)
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
        yield Chunk(number, start, size, first, held)
