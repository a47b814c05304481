"""The S3 calls that a run needs; S3's errors become exceptions of `errors`."""

from __future__ import annotations

import io
import json
from collections.abc import Container, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, BinaryIO, NamedTuple, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from .errors import InputReplaced, StoreDenied, StoreFailed
from .record import Stored

# Up to this size data is read at once: S3 would close an idle connection during minutes of hashing.
READ_AT_ONCE_BYTES = 32 << 20

_MISSING = ("404", "NoSuchKey", "NotFound")
_CONFLICT = ("412", "PreconditionFailed", "409", "ConditionalRequestConflict")


@cache
def client() -> Any:
    """Return the one client, made at first use."""
    return boto3.client("s3", config=Config(retries={"mode": "standard", "total_max_attempts": 5}))


class Found(NamedTuple):
    """An object's tag, its size in bytes, and our metadata."""

    etag: str
    size: int
    about: dict[str, str]


def _ask(method: str, stored: Stored, absent: Container[str], **fields: Any) -> Any:
    """Return S3's answer about an object, or None for an error with one of these codes."""
    try:
        return getattr(client(), method)(Bucket=stored.bucket, Key=stored.key, **fields)
    except ClientError as error:
        if _code(error) in absent:
            return None
        raise


@contextmanager
def _named(action: str, stored: Stored) -> Iterator[None]:
    """Turn S3's errors into ours, which name the action and the object."""
    try:
        yield
    except ClientError as error:
        code = _code(error)
        message = f"S3 refuses to {action} {stored.called}: {code}"
        if code in ("403", "AccessDenied", "AllAccessDisabled"):
            raise StoreDenied(message) from None
        raise StoreFailed(message) from None
    except (BotoCoreError, HTTPClientError, OSError) as error:
        raise StoreFailed(f"could not {action} {stored.called}: {type(error).__name__}") from None


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code"))


def head(stored: Stored) -> Found | None:
    """Return an object's tag, size and metadata, or None if it doesn't exist."""
    with _named("look at", stored):
        answer = _ask("head_object", stored, _MISSING)
        return answer and Found(answer["ETag"], answer["ContentLength"], answer.get("Metadata", {}))


def read_json(stored: Stored) -> Any:
    """Return the content of a JSON object, or None if it doesn't exist."""
    with _named("read", stored):
        answer = _ask("get_object", stored, _MISSING)
        return answer and json.loads(answer["Body"].read())


def create(stored: Stored, body: bytes, about: dict[str, str] | None = None) -> bool:
    """Write an object unless it exists; return whether it was written."""
    kind = "application/json" if stored.key.endswith(".json") else "application/x-ndjson"
    with _named("write", stored):
        fields = {"Body": body, "Metadata": about or {}, "ContentType": kind}
        return _ask("put_object", stored, _CONFLICT, IfNoneMatch="*", **fields) is not None


def create_json(stored: Stored, content: Any) -> bool:
    return create(stored, json.dumps(content).encode())


@contextmanager
def open_range(
    stored: Stored, etag: str, start: int = 0, end: int | None = None
) -> Iterator[BinaryIO]:
    """Open bytes `start` to `end` of the object that has this tag.

    Raises:
        InputReplaced: The object has another tag.
    """
    if end is not None and start >= end:
        yield io.BytesIO()
        return
    wanted = {"Range": f"bytes={start}-{'' if end is None else end - 1}"} if start or end else {}
    with _named("read", stored):
        answer = _ask("get_object", stored, (*_CONFLICT, *_MISSING), IfMatch=etag, **wanted)
        if answer is None or answer["ETag"] != etag:  # some other stores ignore If-Match
            raise InputReplaced(
                f"{stored.called} was replaced or deleted while it was read; "
                "start a run with another prefix for the new object"
            )
        body = answer["Body"]
        if answer["ContentLength"] <= READ_AT_ONCE_BYTES:
            yield io.BytesIO(body.read())
        else:
            yield cast(BinaryIO, io.BufferedReader(body, 1 << 20))
