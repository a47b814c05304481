"""Decide by the objects in S3 whether a run is complete, not by the report of Step Functions.

A run is complete if the parts of every chunk cover the chunk from the first row to the last.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bcrypt_batch.tables.results import Counts
from fields import InvalidEvent

from . import store
from .errors import Incomplete
from .record import Chunk, Part, Place, Stored

LOOKS_AT_ONCE = 16
SHOWN = 5


def finish(place: Place) -> dict[str, Any]:
    """Write the manifest of a complete run; return its counts.

    Raises:
        Incomplete: Rows are missing.
    """
    plan = store.read_json(place.json("plan"))
    if plan is None:
        raise InvalidEvent("output: there is no plan under this prefix")
    chunks = [Chunk(**item) for item in plan]
    with ThreadPoolExecutor(LOOKS_AT_ONCE) as pool:
        found = list(pool.map(lambda chunk: _follow(place, chunk), chunks))
    missing = [left for left, _, _ in found if left.rows]
    if missing:
        shown = ", ".join(f"{left.row} to {left.row + left.rows - 1}" for left in missing[:SHOWN])
        more = f" and of {len(missing) - SHOWN} more chunks" if len(missing) > SHOWN else ""
        raise Incomplete(
            f"rows {shown}{more} are missing; start again with the same prefix to compute them"
        )
    total = Counts()
    for _, counts, _ in found:
        total = total.plus(counts)
    planned = sum(chunk.rows for chunk in chunks)
    assert total.rows == planned, "each chunk's rows were counted down to 0"
    keys = [stored.key for _, _, parts in found for stored in parts]
    summary = {**total._asdict(), "chunks": len(chunks), "parts": len(keys)}
    manifest = {**summary, "notes": store.read_json(place.json("notes")), "keys": keys}
    store.create_json(place.json("manifest"), manifest)
    return {**summary, "manifest": place.json("manifest").key}


def _follow(place: Place, chunk: Chunk) -> tuple[Chunk, Counts, list[Stored]]:
    """Return the missing rest of a chunk, the counts of its parts, and the parts."""
    counts = Counts()
    parts: list[Stored] = []
    while chunk.rows:
        stored = place.part(chunk.chunk, chunk.row)
        found = store.head(stored)
        if found is None:
            break
        part = Part.of_metadata(found.about)
        left = chunk.after(part)
        if left is None:
            break
        parts.append(stored)
        counts = counts.plus(part.counts)
        chunk = left
    return chunk, counts, parts
