"""`bcrypt-batch hash` and `bcrypt-batch verify`."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

import bcrypt_batch
from bcrypt_batch.schemes import AUTO, PEPPER, TO_HASH, TO_VERIFY

from ..compute import Job
from ..failures import failures
from ..interrupts import INCOMPLETE, Interrupts
from ..journal import input_state
from ..kinds import FORMATS, InvalidTable
from ..messages import say
from ..newfiles import OutputRefused
from ..output import WriteFailed, check_paths, open_output
from ..pairs import Pairing, paired
from ..progress import shown_rate, shown_time
from ..run import TableRun
from ..source import Source, open_table, source
from .options import (
    add_hashing,
    add_input,
    add_results,
    add_scheme,
    add_verifying,
    add_workers,
    add_wrap,
    chosen,
    job_of,
    reading,
    seconds,
)

MAX_PEPPER_BYTES = 1024


def add(commands: Any) -> None:
    """Add both commands to the parser's."""
    made = commands.add_parser(
        "hash", help="hash the passwords of a table",
        description="Hash the passwords of a table: a result line for each row, in the same order.",
        examples=(
            "bcrypt-batch hash users.csv -o hashed.jsonl --cost 12",
            "bcrypt-batch hash users.csv -o hashed.jsonl --cost 12 --resume",
            "bcrypt-batch hash users.csv -o hashed.jsonl --for laravel",
            "gzip -dc users.csv.gz | bcrypt-batch hash - -k email -o hashed.jsonl",
        ),
    )  # fmt: skip
    checked = commands.add_parser(
        "verify", help="check the passwords of a table against its hashes",
        description="Check the passwords of a table: a result line for each row, in the same "
        "order.",
        examples=(
            "bcrypt-batch verify pairs.csv -o checked.jsonl --errors errors.csv",
            "bcrypt-batch verify users.csv --hashes hashed.jsonl -o checked.jsonl",
            "bcrypt-batch verify pairs.tsv --hash-column stored --max-cost 14 -o checked.jsonl",
            "bcrypt-batch verify forum.csv --scheme md5-hex -o checked.jsonl",
        ),
    )  # fmt: skip
    for parser in (made, checked):
        add_results(add_input(parser, "a file, or - for standard input", (*FORMATS, "parquet")))
    add_hashing(hashing := made.add_argument_group("hashing"))
    add_scheme(
        made_of := hashing.add_mutually_exclusive_group(),
        TO_HASH,
        "hash passwords as another system stores them",
    )
    add_wrap(made_of)
    add_verifying(verifying := checked.add_argument_group("verifying"))
    add_scheme(
        verifying, TO_VERIFY, "the scheme of hashes without a mark; default: "
        f"{AUTO}, plain bcrypt; one of",
    )  # fmt: skip
    verifying.add_argument(
        "--pepper-file", metavar="FILE",
        help="the bytes that --scheme pepper appends to each password; a line end at the file's "
        "end is left out",
    )  # fmt: skip
    verifying.add_argument(
        "--hashes", metavar="FILE",
        help="take the hashes from this JSONL, which bcrypt-batch hash made from the table; rows "
        "are paired by id, or by row number if there are no ids",
    )  # fmt: skip
    for parser in (made, checked):
        _add_common(parser)
    made.set_defaults(execute=run, operation="hash", hashes=None, pepper_file=None)
    checked.set_defaults(execute=run, operation="verify")


def _add_common(parser: argparse.ArgumentParser) -> None:
    output = parser.add_argument_group("output")
    output.add_argument(
        "-o", "--output", default="-", metavar="FILE",
        help="made so that only its owner can read it; default: -, standard output",
    )  # fmt: skip
    output.add_argument(
        "--output-format", choices=("jsonl", "csv"),
        help="default: csv if the output's name ends in .csv, else jsonl; spreadsheets take cells "
        "that begin with = + - @ TAB or CR for formulas: import a CSV's columns as text",
    )  # fmt: skip
    output.add_argument(
        "--errors", metavar="FILE",
        help="list the rows in error in FILE: row, id and error, as JSONL, or as CSV if the name "
        "ends in .csv",
    )  # fmt: skip
    again = output.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="continue an existing output")
    again.add_argument("--force", action="store_true", help="replace an existing output")
    running = parser.add_argument_group("running")
    add_workers(running)
    running.add_argument(
        "--deadline", type=seconds, metavar="S", help="stop after so many seconds, with status 3"
    )
    running.add_argument(
        "-q", "--quiet", action="store_true", help="write only errors to standard error"
    )


def run(options: argparse.Namespace, interrupts: Interrupts) -> int:
    """Compute a table; return the exit status."""
    job = job_of(options)
    read_from = source(options.input, reading(options))
    form = options.output_format or ("csv" if options.output.endswith(".csv") else "jsonl")
    _check_output(options)
    pepper = _pepper(job, options.pepper_file)
    bcrypt_batch.worker_count()  # raises for a wrong BCRYPT_BATCH_WORKERS before a file is made
    interrupts.limit(options.deadline)
    with (
        open_table(read_from, interrupts, job) as opened,
        paired(opened, options.hashes, interrupts) as pairing,
        failures(options, interrupts) as failed,
    ):
        table = pairing.table
        if not options.quiet:
            say(*table.source.detected(read_from), *chosen(options, job))
            say(*filter(None, [pairing.how]))
        output = open_output(
            options.output, _state(job, table.source, form, options),
            form=form, resume=options.resume, force=options.force, interrupts=interrupts,
            failed=failed.add,
        )  # fmt: skip
        run = TableRun(job, table.source, output, failed, interrupts, pepper)
        try:
            run.table(table, options.quiet)
            output.finish()
        except WriteFailed as error:
            return _failed(error, run, options.output)
        finally:
            output.close()
        status = _report(run, pairing, options)
        if not options.quiet:
            say(*table.notes.lines())
        return status


def _failed(error: WriteFailed, run: TableRun, path: str) -> int:
    rows = run.counts.rows if error.rows is None else error.rows
    goes_on = ", and --resume goes on" if run.output.resumable else ""
    name = "standard output" if path == "-" else path
    say(f"{name}: {error.strerror}; {rows:,} rows are written whole{goes_on}")
    return INCOMPLETE


def _check_output(options: argparse.Namespace) -> None:
    if options.resume and (options.output == "-" or input_state(options.input) is None):
        raise OutputRefused("--resume needs an input and an output that are files, not -")
    check_paths(options.input, options.output)
    if options.hashes is None:
        return
    if options.hash_column is not None:
        raise OutputRefused("--hashes and --hash-column are two places for the hashes; give one")
    if options.hashes == "-":
        raise OutputRefused("--hashes must be a file, not -")
    check_paths(options.hashes, options.output, "--hashes")


def _pepper(job: Job, path: str | None) -> bytes | None:
    if (job.scheme == PEPPER) != (path is not None):
        raise InvalidTable("--scheme pepper and --pepper-file go together")
    if path is None:
        return None
    if input_state(path) is None:
        raise InvalidTable(f"{path}: the pepper must be in a plain file, so that --resume knows it")
    with open(path, "rb") as file:
        content = file.read(MAX_PEPPER_BYTES + len(b"\r\n") + 1)
    pepper = content.removesuffix(b"\r\n" if content.endswith(b"\r\n") else b"\n")
    if not 0 < len(pepper) <= MAX_PEPPER_BYTES:
        raise InvalidTable(f"{path}: a pepper has 1 to {MAX_PEPPER_BYTES} bytes")
    return pepper


def _state(job: Job, read_from: Source, form: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return the input and options that a result depends on."""
    state = {**job.as_options(), "output_format": form, **read_from.reading.as_options()}
    state["input"] = input_state(read_from.path)
    for name in ("hashes", "pepper_file"):
        if (path := getattr(options, name)) is not None:
            state[name] = input_state(path)
    return state


def _report(run: TableRun, pairing: Pairing, options: argparse.Namespace) -> int:
    counts, codes = run.counts, run.failures.codes
    done = "hashed" if options.command == "hash" else "checked"
    text = f"{counts.rows:,} rows: {counts.rows - counts.errors:,} {done}"
    if options.command == "verify":
        text += f", {counts.unmatched:,} of them not matching"
    if counts.truncated:
        text += f", {counts.truncated:,} of them truncated to 72 bytes"
    text += f", {counts.errors:,} in error"
    if codes:
        text += f" ({_listed(codes)})"
    if run.complete and +pairing.unpaired:
        text += f"; ids: {_listed(+pairing.unpaired)}"
    if run.unread:
        text += f", {run.unread:,} lines of the input left out with them"
        text += " in this run" if options.resume else ""
    here = counts.rows - run.before
    rate = shown_rate(here / max(run.seconds, 1e-9))
    text += f"; {here:,} in this run, in {shown_time(run.seconds)}, {rate}"
    if not run.complete:
        text += f"; stopped by {run.interrupts.name}, incomplete"
        text += ": --resume goes on" if run.output.resumable else ""
    if not options.quiet or not run.complete:
        say(text)
    if not run.complete:
        return run.interrupts.status
    return 1 if counts.errors or counts.unmatched else 0


def _listed(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in counter.most_common())
