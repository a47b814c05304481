"""`bcrypt-batch info`: what this machine computes with, and how long a table would take."""

from __future__ import annotations

import argparse
from typing import Any

import bcrypt_batch

from ..compute import Job, measure
from ..interrupts import Interrupts
from ..progress import shown_rate, shown_time
from .options import add_cost, add_workers, job_options, whole_number

TABLES = (10_000, 1_000_000, 100_000_000)


def add(commands: Any) -> None:
    """Add the command to the parser's."""
    parser = commands.add_parser(
        "info", help="what this machine computes with, and how long a table would take",
        description="Show what this machine computes with, and how long a table would take.",
        examples=("bcrypt-batch info --cost 12 --rows 5000000",),
    )  # fmt: skip
    add_cost(parser)
    parser.add_argument(
        "--rows", type=whole_number(1, 10**12), metavar="N", help="how many rows the table has"
    )
    add_workers(parser)
    parser.set_defaults(execute=run)


def run(options: argparse.Namespace, _: Interrupts) -> int:
    """Print the report; return the exit status."""
    job = Job(**job_options(options))
    kernels = bcrypt_batch.kernels()
    rate, lanes = measure(job)
    print(f"bcrypt-batch {bcrypt_batch.__version__}")
    others = [name for name in kernels.supported if name != kernels.chosen]
    print(f"kernel   {kernels.chosen}" + (f" (also: {', '.join(others)})" if others else ""))
    print(f"workers  {job.workers or bcrypt_batch.worker_count()}")
    print(f"lanes    {lanes}")
    print(f"cost {job.cost:<3} {shown_rate(rate)}, measured just now")
    for rows in (options.rows,) if options.rows else TABLES:
        print(f"{rows:>14,} rows take {shown_time(rows / rate)}")
    return 0
