"""Check the event that starts a run."""

from __future__ import annotations

from typing import Any, NamedTuple

from bcrypt_batch.limits import MAX_COST, MIN_COST, PREFIX_NAMES
from bcrypt_batch.schemes import AUTO, DIGITS, TO_HASH, WITHOUT_PEPPER, prefix_name
from bcrypt_batch.tables.compute import ONLY_FOR, OPERATIONS, Job
from bcrypt_batch.tables.dialects import DIALECTS
from bcrypt_batch.tables.kinds import (
    FORMATS,
    InvalidColumns,
    format_by_name,
    is_delimiter,
    known_encoding,
)
from bcrypt_batch.tables.rows import Columns, Reading
from fields import Fields, InvalidEvent

from .record import Place, RunRecord

FIELDS = (
    "operation", "input", "output", "cost", "prefix", "truncate", "allow_empty", "max_cost",
    "scheme", "wrap", "hash_anyway", "chunk_rows", "concurrency",
)  # fmt: skip
INPUT_FIELDS = (
    "bucket", "key", "format", "delimiter", "dialect", "nulls", "encoding", "password_column",
    "id_column", "hash_column", "keep",
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
        record: What the results depend on. The input's tag (ETag), size and layout are not known
            yet.
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
    record = RunRecord(
        bucket=source.text("bucket"),
        key=key,
        reading=_reading(source, operation, key),
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
    if "wrap" in fields:
        fields.refuse(["scheme"], "does not go with wrap: wrap names the scheme itself")
    scheme = (
        fields.choice("scheme", TO_HASH, None)
        if operation == "hash"
        else fields.choice("scheme", WITHOUT_PEPPER, AUTO)
    )
    job = Job(operation)  # with the default of each field
    return job._replace(
        cost=fields.integer("cost", MIN_COST, MAX_COST, job.cost),
        prefix=fields.choice("prefix", PREFIX_NAMES, prefix_name(scheme)),
        truncate=fields.boolean("truncate", job.truncate),
        allow_empty=fields.boolean("allow_empty", job.allow_empty),
        max_cost=fields.integer("max_cost", MIN_COST, MAX_COST, job.max_cost),
        hash_anyway=fields.boolean("hash_anyway", job.hash_anyway),
        scheme=scheme,
        wrap=fields.choice("wrap", tuple(DIGITS), None),
    )


def _reading(source: Fields, operation: str, key: str) -> Reading:
    if operation == "hash":
        source.refuse(["hash_column"], "does not go with operation 'hash'")
    columns = Columns(
        password=source.text("password_column", "password"),
        id=source.text("id_column", None),
        hash=source.text("hash_column", "hash") if operation == "verify" else None,
        keep=_texts(source, "keep", "column names") or (),
    )
    dialect = source.choice("dialect", DIALECTS) if "dialect" in source else None
    form = "csv" if dialect else format_by_name(key) or "csv"
    asked = Reading(
        form=source.choice("format", FORMATS, form),
        columns=columns,
        delimiter=_delimiter(source) if "delimiter" in source else None,
        dialect=dialect,
        nulls=_texts(source, "nulls", "texts"),
        encoding=_encoding(source),
    )
    try:
        return asked.completed(key)
    except InvalidColumns as error:
        raise InvalidEvent(f"input.{error.field} {error.why}") from None


def _encoding(source: Fields) -> str | None:
    name = source.text("encoding", None)
    if name is not None and (name := known_encoding(name)) is None:
        raise InvalidEvent(
            "input.encoding must be an encoding in which ASCII's characters are the same bytes as "
            "in ASCII"
        )
    return name


def _texts(source: Fields, name: str, what: str) -> tuple[str, ...] | None:
    texts = source.get(name, None)
    if name in source and not (
        isinstance(texts, list) and all(isinstance(text, str) for text in texts)
    ):
        raise InvalidEvent(f"input.{name} must be a list of {what}")
    return None if texts is None else tuple(dict.fromkeys(texts))


def _delimiter(source: Fields) -> str:
    value = source.get("delimiter")
    if not isinstance(value, str) or not is_delimiter(value):
        raise InvalidEvent(
            "input.delimiter must be one character other than a quote or a line's end"
        )
    return value
