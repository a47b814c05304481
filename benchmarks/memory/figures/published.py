"""The figures that AWS published for a Rust implementation, from published.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def published() -> dict[str, Any]:
    """Return the content of published.json."""
    content: dict[str, Any] = json.loads(Path(__file__).with_name("published.json").read_text())
    return content
