"""Judge a run by what is in S3, not by what the engine says came of it.

Every chunk's parts follow each other from its first row to its last, or the run is not complete.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bcrypt_batch.tables.lines import Counts

from . import store
from .chunk import Part
from .errors import Incomplete, InvalidEvent
from .plan import Chunk
from .request import Place

LOOKS_AT_ONCE = 16
SHOWN = 5


def finish(place: Place) -> dict[str, Any]:
    """Write the manifest of a complete run; return what it counts.

    Raises:
        Incomplete: Rows are missing.
    """
    plan = store.read_json(place.bucket, place.plan)
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
    assert total.rows == planned, "each chunk's rows were counted down to none"
    parts = [key for _, _, keys in found for key in keys]
    summary = {**total._asdict(), "chunks": len(chunks), "parts": len(parts)}
    store.create_json(place.bucket, place.manifest, {**summary, "keys": parts})
    return {**summary, "manifest": place.manifest}


def _follow(place: Place, chunk: Chunk) -> tuple[Chunk, Counts, list[str]]:
    """Return what of a chunk is missing, and the parts that are there."""
    counts = Counts()
    keys: list[str] = []
    while chunk.rows:
        key = place.part(chunk.chunk, chunk.row)
        found = store.head(place.bucket, key)
        if found is None:
            break
        part = Part.read(found.about)
        if not 0 < part.counts.rows <= chunk.rows:
            break
        keys.append(key)
        counts = counts.plus(part.counts)
        chunk = chunk._replace(
            start=part.next, row=chunk.row + part.counts.rows, rows=chunk.rows - part.counts.rows
        )
    return chunk, counts, keys
