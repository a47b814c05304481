"""Call the handler as Lambda does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bcrypt

import app

EVENTS = Path(__file__).parent.parent / "events"


class Context:
    """Lambda's context object, of a function with half a minute left."""

    aws_request_id = "request-1"

    def __init__(self, remaining_ms: int = 30_000) -> None:
        self.remaining_ms = remaining_ms

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


def event(name: str) -> Any:
    """Return one of the events in events/."""
    return json.loads((EVENTS / f"{name}.json").read_text())


def over_http(body: Any, sender: str = "function_url") -> dict[str, Any]:
    """Return an HTTP request with this body, which is text except in bad requests."""
    return {**event(sender), "body": body, "isBase64Encoded": False}


def call(event: Any, remaining_ms: int = 30_000) -> dict[str, Any]:
    return app.handler(event, Context(remaining_ms))


def check_hashes(passwords: list[bytes], answer: dict[str, Any]) -> None:
    for password, hashed in zip(passwords, answer["hashes"], strict=True):
        assert bcrypt.checkpw(password, hashed.encode())
