"""Check the event that starts a run."""

from __future__ import annotations

from typing import Any, NamedTuple

from bcrypt_batch.limits import MAX_COST, MIN_COST, PREFIX_NAMES
from bcrypt_batch.tables.compute import ONLY_FOR, OPERATIONS, Job
from bcrypt_batch.tables.kinds import (
    FORMATS,
    InvalidColumns,
    delimiter_by_name,
    format_by_name,
    is_delimiter,
)
from bcrypt_batch.tables.rows import Columns
from fields import Fields, InvalidEvent

from .record import Place, RunRecord

FIELDS = (
    "operation", "input", "output", "cost", "prefix", "truncate", "allow_empty", "max_cost",
    "chunk_rows", "concurrency",
)  # fmt: skip
INPUT_FIELDS = (
    "bucket", "key", "format", "delimiter", "password_column", "id_column", "hash_column", "keep",
)  # fmt: skip
# Prefixes that the function's role may read and write.
INPUT_PREFIX = "in/"
OUTPUT_PREFIX = "runs/"
DEFAULT_CONCURRENCY = 100
MAX_CONCURRENCY = 10_000
MAX_CHUNK_ROWS = 10**9


class RunRequest(NamedTuple):
    """A requested run.

    Attributes:
        record: What the results depend on, without the input's tag, size and layout.
        place: Where the run keeps its objects.
        chunk_rows: At most so many rows in a chunk, or None for as many as time allows.
        concurrency: At most so many chunks at once.
    """

    record: RunRecord
    place: Place
    chunk_rows: int | None
    concurrency: int


def place(event: Fields) -> Place:
    """Return the place of the run in an event."""
    output = event.inner("output", ("bucket", "prefix"))
    bucket, prefix = output.text("bucket"), output.text("prefix")
    if not prefix.startswith(OUTPUT_PREFIX) or not prefix.endswith("/") or prefix == OUTPUT_PREFIX:
        raise InvalidEvent(
            f"output.prefix must be {OUTPUT_PREFIX}, a name and a slash, such as runs/2026-11/"
        )
    return Place(bucket, prefix)


def parse(event: Any) -> RunRequest:
    """Return the run that an event starts.

    Raises:
        InvalidEvent: The event is invalid; the message names the field and what is allowed.
    """
    fields = Fields(event, FIELDS)
    operation = fields.choice("operation", OPERATIONS)
    source = fields.inner("input", INPUT_FIELDS)
    key = source.text("key")
    if not key.startswith(INPUT_PREFIX):
        raise InvalidEvent(f"input.key must begin with {INPUT_PREFIX}")
    form = source.choice("format", FORMATS, format_by_name(key) or "csv")
    record = RunRecord(
        bucket=source.text("bucket"),
        key=key,
        form=form,
        delimiter=_delimiter(source, delimiter_by_name(key)),
        columns=_columns(source, operation, form),
        job=_job(fields, operation),
    )
    return RunRequest(
        record=record,
        place=place(fields),
        chunk_rows=fields.integer("chunk_rows", 1, MAX_CHUNK_ROWS, None),
        concurrency=fields.integer("concurrency", 1, MAX_CONCURRENCY, DEFAULT_CONCURRENCY),
    )


def _job(fields: Fields, operation: str) -> Job:
    for other in OPERATIONS:
        if other != operation:
            fields.refuse(ONLY_FOR[other], f"does not go with operation {operation!r}")
    job = Job(operation)  # has the defaults
    return job._replace(
        cost=fields.integer("cost", MIN_COST, MAX_COST, job.cost),
        prefix=fields.choice("prefix", PREFIX_NAMES, job.prefix),
        truncate=fields.boolean("truncate", job.truncate),
        allow_empty=fields.boolean("allow_empty", job.allow_empty),
        max_cost=fields.integer("max_cost", MIN_COST, MAX_COST, job.max_cost),
    )


def _columns(source: Fields, operation: str, form: str) -> Columns:
    if operation == "hash":
        source.refuse(["hash_column"], "does not go with operation 'hash'")
    columns = Columns(
        password=source.text("password_column", "password"),
        id=source.text("id_column", None),
        hash=source.text("hash_column", "hash") if operation == "verify" else None,
        keep=_keep(source),
    )
    try:
        columns.check(form)
    except InvalidColumns as error:
        raise InvalidEvent(f"input.{error.field} {error.why}") from None
    return columns


def _keep(source: Fields) -> tuple[str, ...]:
    keep = source.get("keep", [])
    if not isinstance(keep, list) or not all(isinstance(name, str) for name in keep):
        raise InvalidEvent("input.keep must be a list of column names")
    return tuple(dict.fromkeys(keep))


def _delimiter(source: Fields, default: str) -> str:
    value = source.get("delimiter", default)
    if not isinstance(value, str) or not is_delimiter(value):
        raise InvalidEvent(
            "input.delimiter must be one character other than a quote or a line's end"
        )
    return value
