"""Types of command-line arguments that several commands take."""

from __future__ import annotations

import argparse


def whole(text: str, least: int = 0) -> int:
    """Return an argument as a whole number."""
    if not (text.isascii() and text.isdigit() and int(text) >= least):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of {least} or more")
    return int(text)


def positive(text: str) -> int:
    return whole(text, least=1)


def cost(text: str) -> int:
    """Return an argument as a bcrypt cost."""
    import bcrypt_batch  # here, because `python -m emulator fetch` runs before it is built

    if not bcrypt_batch.MIN_COST <= (value := whole(text)) <= bcrypt_batch.MAX_COST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a cost from 4 to 31")
    return value
