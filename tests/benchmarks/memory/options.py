"""Options of the sweep, as its tests give them."""

from __future__ import annotations

import argparse
from typing import Any

from benchmarks.memory import sweep


def asked(**changed: Any) -> argparse.Namespace:
    """Return the options: defaults, three invocations, and those named."""
    parser = argparse.ArgumentParser()
    sweep.add_arguments(parser)
    options = parser.parse_args(["--invocations", "3"])
    return argparse.Namespace(**{**vars(options), **changed})
