"""What a run is asked to do, checked: from the event that starts it, or from its run.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from bcrypt_batch.limits import DEFAULT_MAX_COST, MAX_COST, MIN_COST, PREFIXES
from bcrypt_batch.tables.compute import Job
from bcrypt_batch.tables.kinds import FORMATS
from bcrypt_batch.tables.lines import FIXED
from bcrypt_batch.tables.rows import Columns

from .errors import InvalidEvent

OPERATIONS = ("hash", "verify")
FIELDS = (
    "operation", "input", "output", "cost", "prefix", "truncate", "allow_empty", "max_cost",
    "chunk_rows", "concurrency",
)  # fmt: skip
INPUT_FIELDS = (
    "bucket", "key", "format", "delimiter", "password_column", "id_column", "hash_column", "keep",
)  # fmt: skip
# What the function's role may read and write.
INPUT_PREFIX = "in/"
OUTPUT_PREFIX = "runs/"
MAX_CONCURRENCY = 10_000


class Place(NamedTuple):
    """Where a run keeps what it makes."""

    bucket: str
    prefix: str

    @property
    def run(self) -> str:
        return f"{self.prefix}run.json"

    @property
    def plan(self) -> str:
        return f"{self.prefix}plan.json"

    @property
    def manifest(self) -> str:
        return f"{self.prefix}manifest.json"

    def part(self, chunk: int, row: int) -> str:
        return f"{self.prefix}parts/{chunk:08}-{row:012}.jsonl"


class Request(NamedTuple):
    """A run's input and options.

    Attributes:
        bucket: Of the input; likewise its `key`.
        form: `csv`, `jsonl` or `lines`.
        chunk_rows: At most so many rows in a chunk, or None for as many as time allows.
        concurrency: At most so many chunks at once.
    """

    bucket: str
    key: str
    form: str
    delimiter: str
    columns: Columns
    job: Job
    place: Place
    chunk_rows: int | None
    concurrency: int

    def options(self) -> dict[str, Any]:
        """Return what the results depend on, for run.json."""
        job = {name: value for name, value in self.job._asdict().items() if name != "workers"}
        columns = {**self.columns._asdict(), "keep": list(self.columns.keep)}
        return {
            "job": job,
            "columns": columns,
            "input": {"bucket": self.bucket, "key": self.key},
            "format": self.form,
            "delimiter": self.delimiter,
        }


def place(event: Any) -> Place:
    """Return where an event says that the run is."""
    output = _object(event, "output", ("bucket", "prefix"))
    bucket, prefix = _text(output, "bucket", "output."), _text(output, "prefix", "output.")
    if not prefix.startswith(OUTPUT_PREFIX) or not prefix.endswith("/") or prefix == OUTPUT_PREFIX:
        raise InvalidEvent(
            f"output.prefix must be {OUTPUT_PREFIX}, a name and a slash, such as runs/2026-11/"
        )
    return Place(bucket, prefix)


def parse(event: Any) -> Request:
    """Return the run that an event starts.

    Raises:
        InvalidEvent: It can't be carried out; the message names the field and what is allowed.
    """
    if not isinstance(event, dict):
        raise InvalidEvent("the event must be a JSON object")
    _no_others(event, FIELDS, "")
    if "operation" not in event:
        raise InvalidEvent("operation is needed: hash or verify")
    operation = _choice(event, "operation", OPERATIONS, "")
    source = _object(event, "input", INPUT_FIELDS)
    key = _text(source, "key", "input.")
    if not key.startswith(INPUT_PREFIX):
        raise InvalidEvent(f"input.key must begin with {INPUT_PREFIX}")
    unfit = ("max_cost",) if operation == "hash" else ("cost", "prefix")
    for name in unfit:
        if name in event:
            raise InvalidEvent(f"{name} does not go with operation {operation!r}")
    form = _choice(source, "format", FORMATS, "csv", "input.")
    return Request(
        bucket=_text(source, "bucket", "input."),
        key=key,
        form=form,
        delimiter=_delimiter(source),
        columns=_columns(source, operation, form),
        job=Job(
            operation=operation,
            cost=_integer(event, "cost", MIN_COST, MAX_COST, 12),
            prefix=_choice(event, "prefix", tuple(p.decode() for p in PREFIXES), "2b"),
            truncate=_boolean(event, "truncate", None),
            allow_empty=bool(_boolean(event, "allow_empty", False)),
            max_cost=_integer(event, "max_cost", MIN_COST, MAX_COST, DEFAULT_MAX_COST),
        ),
        place=place(event),
        chunk_rows=_integer(event, "chunk_rows", 1, 10**9, 0) or None,
        concurrency=_integer(event, "concurrency", 1, MAX_CONCURRENCY, 100),
    )


def _columns(source: Mapping[str, Any], operation: str, form: str) -> Columns:
    if operation == "hash" and "hash_column" in source:
        raise InvalidEvent("input.hash_column does not go with operation 'hash'")
    named = [name for name in ("id_column", "hash_column", "keep") if name in source]
    if form == "lines" and (named or operation == "verify"):
        raise InvalidEvent("input.format 'lines' has passwords only, and no columns")
    password = _text(source, "password_column", "input.", "password")
    hashed = _text(source, "hash_column", "input.", "hash") if operation == "verify" else None
    keep = source.get("keep", [])
    if not isinstance(keep, list) or not all(isinstance(name, str) for name in keep):
        raise InvalidEvent("input.keep must be a list of column names")
    identity = _text(source, "id_column", "input.") if "id_column" in source else None
    columns = Columns(password, identity, hashed, tuple(dict.fromkeys(keep)))
    if {*keep} & {*FIXED, *columns.secret}:
        raise InvalidEvent(
            f"input.keep can't have {', '.join(FIXED)}, nor the password and hash columns"
        )
    if identity in columns.secret:
        raise InvalidEvent("input.id_column can't be the password or the hash column")
    return columns


def _delimiter(source: Mapping[str, Any]) -> str:
    value = source.get("delimiter", ",")
    if not isinstance(value, str) or len(value) != 1 or value in '"\r\n':
        raise InvalidEvent(
            "input.delimiter must be one character other than a quote or a line's end"
        )
    return value


def _no_others(event: Mapping[str, Any], fields: tuple[str, ...], where: str) -> None:
    if unknown := [str(name)[:40] for name in event if name not in fields]:
        raise InvalidEvent(
            f"unknown field {where}{unknown[0]!r}; the fields are {', '.join(fields)}"
        )


def _object(event: Any, name: str, fields: tuple[str, ...]) -> Mapping[str, Any]:
    value = event.get(name) if isinstance(event, dict) else None
    if not isinstance(value, dict):
        raise InvalidEvent(f"{name} must be an object of {', '.join(fields)}")
    _no_others(value, fields, f"{name}.")
    return value


def _text(event: Mapping[str, Any], name: str, where: str, default: str = "") -> str:
    value = event.get(name, default)
    if not isinstance(value, str) or not value:
        raise InvalidEvent(f"{where}{name} must be text, and not empty")
    return value


def _choice(
    event: Mapping[str, Any], name: str, choices: tuple[str, ...], default: str, where: str = ""
) -> str:
    value = event.get(name, default)
    if value not in choices:
        raise InvalidEvent(f"{where}{name} must be one of {', '.join(choices)}")
    return str(value)


def _integer(event: Mapping[str, Any], name: str, least: int, most: int, default: int) -> int:
    if name not in event:
        return default
    value = event[name]
    # An engine may have made 12 into 12.0.
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidEvent(f"{name} must be a whole number from {least} to {most}")
    return value


def _boolean(event: Mapping[str, Any], name: str, default: bool | None) -> bool | None:
    value = event.get(name, default)
    if value is not None and not isinstance(value, bool):
        raise InvalidEvent(f"{name} must be true or false")
    return value
