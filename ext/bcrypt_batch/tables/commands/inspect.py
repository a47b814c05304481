"""`bcrypt-batch inspect`: what a table has, before it is hashed, verified or moved."""

from __future__ import annotations

import argparse
import json
from typing import Any

import bcrypt_batch

from ..audit import Audit
from ..compute import Job, measure
from ..interrupts import Interrupts
from ..kinds import FORMATS, InvalidTable
from ..messages import say
from ..progress import progress
from ..report import report
from ..rows import Reading, Row
from ..source import Table, open_table, source
from .options import (
    add_cost,
    add_hash_column,
    add_input,
    add_workers,
    job_options,
    reading,
    seconds,
)

ROWS_AT_ONCE = 1000  # counted without interruption
MEASURE_S = 1.0


def add(commands: Any) -> None:
    """Add the command to the parser's."""
    parser = commands.add_parser(
        "inspect", help="show what a table has, before it is hashed, verified or moved",
        description="Count what a table has: rows, errors, ids, passwords, hashes and their "
        "schemes; and estimate how long hashing and verifying take here. The table stays "
        "unchanged. No value of a row is shown, only the number of the first row of each kind. A "
        "table may have only passwords, or only hashes.",
        examples=(
            "bcrypt-batch inspect users.csv",
            "bcrypt-batch inspect dump.tsv --dialect postgres --hash-column encrypted_password",
            "bcrypt-batch inspect users.jsonl --id-column email --cost 10 --json",
        ),
    )  # fmt: skip
    add_hash_column(add_input(parser, "a file, or - for standard input", (*FORMATS, "parquet")))
    running = parser.add_argument_group("running")
    add_cost(running)
    add_workers(running)
    running.add_argument("--json", action="store_true", help="write the counts as JSON")
    running.add_argument(
        "--deadline", type=seconds, metavar="S",
        help="stop after so many seconds, with status 3, and show what was counted",
    )  # fmt: skip
    running.add_argument(
        "-q", "--quiet", action="store_true", help="write only errors to standard error"
    )
    # The operation is verify so that both columns are read.
    parser.set_defaults(execute=run, operation="verify", password_column=None, keep=[], hashes=None)


def run(options: argparse.Namespace, interrupts: Interrupts) -> int:
    """Inspect a table; return the exit status."""
    read_from = source(options.input, _reading(options))
    job = Job(**job_options(options))
    bcrypt_batch.worker_count()  # a bad number in the environment fails before a table is read
    interrupts.limit(options.deadline)
    complete, rate, failure, stopped = False, None, None, False
    with open_table(read_from, interrupts, job) as table:
        if not options.quiet:
            say(*table.source.detected(read_from))
        audit = _audit(table.source.reading, options)
        try:
            _count(audit, table, interrupts, options.quiet)
            complete = True
            if audit.to_hash or audit.hashes.iterations:
                rate, _ = measure(job, MEASURE_S)
        except KeyboardInterrupt:
            stopped = True
        except (InvalidTable, OSError) as error:
            failure = error
        finally:
            interrupts.over = True  # no signal interrupts the report
    if audit.rows or not failure:
        audit.compare()
        found = {"complete": complete, **audit.as_json(), "seconds": _seconds(audit, job, rate)}
        shown = json.dumps(found) if options.json else "\n".join(report(found, read_from.name))
        print(shown, flush=True)
    if failure:
        raise failure
    if stopped:
        say(f"{'not measured' if complete else 'incomplete'}: stopped by {interrupts.name}")
        return interrupts.status
    return 1 if audit.errors else 0


def _reading(options: argparse.Namespace) -> Reading:
    """Return how to read the input, which may lack a column that no option names."""
    optional = tuple(
        name for name in ("password", "hash") if getattr(options, f"{name}_column") is None
    )
    if "password" in optional:
        options.password_column = "password"
    asked = reading(options)
    columns = asked.columns._replace(optional=optional)
    if "password" in optional and columns.hash == columns.password:
        columns = columns._replace(hash=None)
    return asked._replace(columns=columns)


def _audit(reading: Reading, options: argparse.Namespace) -> Audit:
    columns = reading.columns
    hashed = "hash" if options.hash_column is None else options.hash_column
    alone = columns.hash is None and columns.password == hashed
    return Audit(
        hashes_only=alone and "password" in columns.optional,
        has_hashes=columns.hash is not None,
        expected=reading.expected,
    )


def _count(audit: Audit, table: Table, interrupts: Interrupts, quiet: bool) -> None:
    """Count the rows; after an exception the rows read before it are counted."""
    shown = progress(table.size, 0, 0, quiet)
    rows: list[Row] = []
    try:
        for row in table.rows:
            rows.append(row)
            if len(rows) == ROWS_AT_ONCE:
                with interrupts.deferred():
                    audit.add(rows)
                    rows.clear()
                if interrupts.stopped:
                    raise KeyboardInterrupt
                shown.at(audit.rows, row.start)
    finally:
        with interrupts.deferred():
            audit.add(rows)
        shown.close()


def _seconds(audit: Audit, job: Job, rate: float | None) -> dict[str, Any]:
    """Return how long hashing and verifying take here; None if unknown."""
    return {
        "cost": job.cost,
        "hash": rate and audit.to_hash / rate,
        "verify": rate and audit.hashes.iterations / (rate * (1 << job.cost)),
    }
