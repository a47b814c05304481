"""Half a million items take a tenth of a second to prepare; the last raises an error."""

from __future__ import annotations

from typing import Any

PASSWORDS: list[Any] = [b"pw"] * 500_000 + [7]
