"""What must hold after every run, whatever happened in it."""

from __future__ import annotations

import json
import re

from tests.bulk.engine import Engine
from tests.tables.samples import as_csv, check, users

ROWS = users(300)
TABLE = as_csv(ROWS)


def complete(bulk: Engine) -> None:
    """Assert that each row is there once, by the manifest and by the objects."""
    check(bulk.lines(), ROWS)
    parts = [line for key in bulk.objects("runs/r/parts/") for line in bulk.read(key).splitlines()]
    assert len(parts) == len(ROWS)


def scan(bulk: Engine, said: str) -> None:
    """Look for passwords and hashes wherever they must not be."""
    texts = {"history": bulk.history(), "log": said, "errors": "\n".join(bulk.causes)}
    for key in bulk.objects():
        if key.startswith("in/") or "/parts/" in key:
            continue
        texts[key] = bulk.read(key).decode()
    passwords = [user.password for user in ROWS if user.password and len(user.password) > 4]
    for name, text in texts.items():
        assert not re.search(r"\$2[abxy]\$\d\d", text), name
        for password in passwords:
            assert password.decode("utf-8", "replace") not in text, name
            assert json.dumps(password.decode("utf-8", "surrogateescape"))[1:-1] not in text, name
