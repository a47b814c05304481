"""`bcrypt-batch info`: what this machine computes with, and how long a table would take."""

from __future__ import annotations

import argparse
from typing import Any

import bcrypt_batch
from bcrypt_batch.limits import MAX_COST, MAX_WORKERS, MIN_COST

from ..compute import Job, measure
from ..interrupts import Interrupts
from ..progress import shown_rate, shown_time
from .options import whole_number

TABLES = (10_000, 1_000_000, 100_000_000)


def add(commands: Any) -> None:
    """Add the command to the parser's."""
    parser = commands.add_parser(
        "info", help="what this machine computes with, and how long a table would take",
        allow_abbrev=False,
    )  # fmt: skip
    parser.add_argument(
        "--cost", type=whole_number(MIN_COST, MAX_COST), default=12, help="default: 12"
    )
    parser.add_argument("--rows", type=whole_number(1, 10**12), help="how many the table has")
    parser.add_argument("--workers", type=whole_number(1, MAX_WORKERS), help="threads")
    parser.set_defaults(execute=run)


def run(options: argparse.Namespace, _: Interrupts) -> int:
    """Print it; return the exit status."""
    workers = options.workers or bcrypt_batch.worker_count()
    kernels = bcrypt_batch.kernels()
    rate, lanes = measure(Job(cost=options.cost, workers=workers))
    print(f"bcrypt-batch {bcrypt_batch.__version__}")
    others = [name for name in kernels.supported if name != kernels.chosen]
    print(f"kernel   {kernels.chosen}" + (f" (also: {', '.join(others)})" if others else ""))
    print(f"workers  {workers}")
    print(f"lanes    {lanes}")
    print(f"cost {options.cost:<3} {shown_rate(rate)}, measured just now")
    for rows in (options.rows,) if options.rows else TABLES:
        print(f"{rows:>14,} rows take {shown_time(rows / rate)}")
    return 0
