"""Read what Linux says of itself in /proc and /sys."""

from __future__ import annotations


def read(path: str) -> str:
    """Return a file's text without the white space around it; empty if it can't be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""
