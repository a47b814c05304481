"""What ends a command with a message and no traceback."""

from __future__ import annotations


class Problem(Exception):
    """Something that whoever gave the command can mend; the message says how."""
