"""Checks of options that several commands have; argparse shows what was wrong."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """Return a check that text is a whole number between two bounds."""

    def check(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise argparse.ArgumentTypeError(
                f"must be a whole number from {least} to {most}, not {text!r}"
            )
        return int(text)

    return check


def seconds(text: str) -> float:
    """Check that text is a number of seconds, 0 or more."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number of seconds, not {text!r}")
    return value


def delimiter(text: str) -> str:
    r"""Check that text is one character between fields; \t and tab are a tab."""
    text = "\t" if text in ("\\t", "tab") else text
    if len(text) != 1 or text in '"\r\n':
        raise argparse.ArgumentTypeError(
            f"must be one character other than a quote or a line's end, or tab, not {text!r}"
        )
    return text
