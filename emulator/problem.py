"""The error that ends a command with a message and no traceback."""

from __future__ import annotations


class Problem(Exception):
    """A fault that the user of a command can correct; the message says how."""
