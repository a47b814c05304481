"""S3, as much as is needed of it, and its errors by our names."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, NamedTuple, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from .errors import InputReplaced, StoreDenied, StoreFailed

# Read at once: hashing takes minutes, in which S3 would end an idle connection.
READ_AT_ONCE_BYTES = 32 << 20

_MISSING = ("404", "NoSuchKey", "NotFound")
_CONFLICT = ("412", "PreconditionFailed", "409", "ConditionalRequestConflict")

_client: Any = None


def client() -> Any:
    """Return the one client, made when it is first needed."""
    global _client
    if _client is None:
        _client = boto3.client(
            "s3", config=Config(retries={"mode": "standard", "total_max_attempts": 5})
        )
    return _client


class Found(NamedTuple):
    """What S3 says of an object: its tag, its size in bytes, and our words about it."""

    etag: str
    size: int
    about: dict[str, str]


@contextmanager
def _named(action: str, bucket: str, key: str) -> Iterator[None]:
    """Turn S3's errors into ours, which say what was done to what."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code"))
        message = f"S3 refuses to {action} s3://{bucket}/{key}: {code}"
        if code in ("403", "AccessDenied", "AllAccessDisabled"):
            raise StoreDenied(message) from None
        raise StoreFailed(message) from None
    except (BotoCoreError, HTTPClientError, OSError) as error:
        raise StoreFailed(
            f"could not {action} s3://{bucket}/{key}: {type(error).__name__}"
        ) from None


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code"))


def head(bucket: str, key: str) -> Found | None:
    """Return what is known of an object, or None if there is none."""
    with _named("look at", bucket, key):
        try:
            answer = client().head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if _code(error) in _MISSING:
                return None
            raise
        return Found(answer["ETag"], answer["ContentLength"], answer.get("Metadata", {}))


def read_json(bucket: str, key: str) -> Any:
    """Return what a JSON object holds, or None if there is none."""
    with _named("read", bucket, key):
        try:
            answer = client().get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if _code(error) in _MISSING:
                return None
            raise
        return json.loads(answer["Body"].read())


def create(bucket: str, key: str, body: bytes, about: dict[str, str] | None = None) -> bool:
    """Write an object unless there is one; return whether it was written."""
    with _named("write", bucket, key):
        try:
            client().put_object(
                Bucket=bucket, Key=key, Body=body, IfNoneMatch="*", Metadata=about or {},
                ContentType="application/json" if key.endswith(".json") else "application/x-ndjson",
            )  # fmt: skip
        except ClientError as error:
            if _code(error) in _CONFLICT:
                return False
            raise
    return True


def create_json(bucket: str, key: str, content: Any) -> bool:
    return create(bucket, key, json.dumps(content).encode())


def _replaced(bucket: str, key: str) -> InputReplaced:
    return InputReplaced(
        f"s3://{bucket}/{key} was replaced or deleted while it was read; "
        "start a run with another prefix for the new one"
    )


@contextmanager
def open_range(
    bucket: str, key: str, etag: str, start: int = 0, end: int | None = None
) -> Iterator[BinaryIO]:
    """Open bytes `start` to `end` of the object that has this tag.

    Raises:
        InputReplaced: It has another.
    """
    if end is not None and start >= end:
        yield io.BytesIO()
        return
    wanted = {"Range": f"bytes={start}-{'' if end is None else end - 1}"} if start or end else {}
    with _named("read", bucket, key):
        try:
            answer = client().get_object(Bucket=bucket, Key=key, IfMatch=etag, **wanted)
        except ClientError as error:
            if _code(error) in (*_CONFLICT, *_MISSING):
                raise _replaced(bucket, key) from None
            raise
        if answer["ETag"] != etag:  # some other stores ignore If-Match
            raise _replaced(bucket, key)
        body = answer["Body"]
        if answer["ContentLength"] <= READ_AT_ONCE_BYTES:
            yield io.BytesIO(body.read())
        else:
            yield cast(BinaryIO, io.BufferedReader(body, 1 << 20))
