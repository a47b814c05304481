"""Assertions that must hold after every run, whatever happened in it."""

from __future__ import annotations

from tests.bulk.engine import Engine
from tests.tables.samples import as_csv, check, check_nothing_secret, users

ROWS = users(300)
TABLE = as_csv(ROWS)


def complete(bulk: Engine) -> None:
    """Assert that each row is there once, by the manifest and by the objects."""
    check(bulk.lines(), ROWS)
    parts = [line for key in bulk.objects("runs/r/parts/") for line in bulk.read(key).splitlines()]
    assert len(parts) == len(ROWS)


def scan(bulk: Engine, said: str) -> None:
    """Search for passwords and hashes wherever they must not be."""
    texts = {"history": bulk.history(), "log": said, "errors": "\n".join(bulk.causes)}
    for key in bulk.objects():
        if key.startswith("in/") or "/parts/" in key:
            continue
        texts[key] = bulk.read(key).decode()
    for name, text in texts.items():
        check_nothing_secret(text, ROWS, name)
