"""`bcrypt-batch bulk`: a table through the state machine on AWS, from upload to joined results."""

from __future__ import annotations

import argparse
import re
import time
from typing import Any

from bcrypt_batch.schemes import TO_HASH, WITHOUT_PEPPER

from ..aws import Stack, StackError, Status
from ..compute import ONLY_FOR, OPERATIONS
from ..interrupts import INCOMPLETE, Interrupts
from ..journal import input_state
from ..kinds import FORMATS, InvalidTable
from ..messages import say
from ..newfiles import new_files
from ..notes import Notes
from ..source import Source, open_table, source
from .options import (
    add_hashing,
    add_input,
    add_results,
    add_scheme,
    add_verifying,
    add_wrap,
    chosen,
    job_of,
    job_options,
    reading,
    whole_number,
)

RUN = re.compile(r"[A-Za-z0-9_-]{1,60}", re.ASCII)
DEFAULT_STACK = "bcrypt-batch-bulk"  # as statemachine/samconfig.toml names it
POLL_S = 5.0
SUCCEEDED, FAILED = 0, 1


def add(commands: Any) -> None:
    """Add the command to the parser's."""
    parser = commands.add_parser(
        "bulk", help="compute a table on AWS, in the stack of statemachine/template.yaml",
        description="Compute a table on AWS. A run has a name; repeating a step with the same name "
        "does only the missing work.",
        examples=(
            "bcrypt-batch bulk start users.csv --run november --cost 12",
            "bcrypt-batch bulk status --run november --wait",
            "bcrypt-batch bulk collect --run november -o hashed.jsonl --delete",
        ),
    )  # fmt: skip
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
    start, status, collect = (
        steps.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
        for name, about in (
            ("start", "upload a table and start its run"),
            ("status", "show how far a run is"),
            ("collect", "join the results of a run in a file"),
        )
    )
    for step in (start, status, collect):
        step.add_argument(
            "--run", required=True, type=_run_name, metavar="NAME", help="the run's name"
        )
        step.add_argument("--stack", default=DEFAULT_STACK, help=f"default: {DEFAULT_STACK}")
    start.set_defaults(run_step=_start)
    _add_start(start)
    status.add_argument("--wait", action="store_true", help="show changes until the run has ended")
    status.set_defaults(run_step=_status)
    collect.add_argument(
        "-o", "--output", required=True, metavar="FILE", help="the results; - for standard output"
    )
    collect.add_argument("--force", action="store_true", help="replace an existing output")
    collect.add_argument(
        "--delete", action="store_true",
        help="then delete the input on AWS, and all files that were made from it",
    )  # fmt: skip
    collect.set_defaults(run_step=_collect)
    parser.set_defaults(execute=run)


def _add_start(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--operation", choices=OPERATIONS, default=OPERATIONS[0], help="default: hash"
    )
    add_results(add_input(parser, "a file", FORMATS))
    add_hashing(hashing := parser.add_argument_group("with --operation hash"))
    add_verifying(parser.add_argument_group("with --operation verify"))
    add_wrap(hashing)
    add_scheme(
        parser,
        (*TO_HASH, *(name for name in WITHOUT_PEPPER if name not in TO_HASH)),
        "as for hash and verify",
    )
    parser.add_argument(
        "--chunk-rows", type=whole_number(1, 10**9), metavar="N",
        help="at most so many rows in a chunk; default: by the function's time",
    )  # fmt: skip
    parser.add_argument(
        "--concurrency", type=whole_number(1, 10_000), metavar="N",
        help="at most so many chunks at once; default: 100",
    )  # fmt: skip


def _run_name(text: str) -> str:
    if not RUN.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"must be up to 60 letters, digits, hyphens and underscores, not {text!r}"
        )
    return text


def run(options: argparse.Namespace, interrupts: Interrupts) -> int:
    """Do a step; return the exit status."""
    try:
        status: int = options.run_step(Stack(options.stack), options, interrupts)
    except StackError as error:
        raise InvalidTable(str(error)) from None
    except Exception as error:
        names = {kind.__name__ for kind in type(error).__mro__}
        if names & {"ClientError", "BotoCoreError", "Boto3Error"}:
            raise InvalidTable(f"AWS: {error}") from None
        raise
    return status


def _start(stack: Stack, options: argparse.Namespace, interrupts: Interrupts) -> int:
    _check_operation(options)
    read_from = source(options.input, reading(options))
    if read_from.reading.form == "parquet":
        raise InvalidTable(
            f"the format on AWS must be one of {', '.join(FORMATS)}, not {read_from.reading.form!r}"
        )
    found = input_state(options.input)
    if found is None:
        raise InvalidTable("the input must be a plain file, which is uploaded as it is")
    job = job_of(options)
    with open_table(read_from, interrupts, job) as table:  # a readable table, or no upload
        say(*table.source.detected(read_from), *chosen(options, job))
        read_from = table.source
    _check_record(stack, options, read_from, found["size"])
    key = f"in/{options.run}"
    about = {name: str(value) for name, value in found.items()}
    uploaded = stack.upload(options.input, key, about)
    say(f"{'uploaded to' if uploaded else 'already uploaded:'} s3://{stack.bucket}/{key}")
    event = _event(options, read_from, stack.bucket, key)
    say(f"execution {stack.start(options.run, event)}")
    return SUCCEEDED


def _check_operation(options: argparse.Namespace) -> None:
    """Refuse options here that the function would refuse after the upload."""
    for operation, names in ONLY_FOR.items():
        if operation == options.operation:
            continue
        for name in (*names, "hash_column" if operation == "verify" else "for"):
            if getattr(options, name, None) is not None:
                option = name.replace("_", "-")
                raise InvalidTable(f"--{option} goes with --operation {operation} only")
    if hasattr(options, "wrap") and hasattr(options, "scheme"):
        raise InvalidTable("--wrap doesn't go with --scheme: --wrap names the scheme itself")
    names = TO_HASH if options.operation == "hash" else WITHOUT_PEPPER
    if getattr(options, "scheme", names[0]) not in names:
        raise InvalidTable(
            f"--scheme with --operation {options.operation} must be one of {', '.join(names)}"
        )


def _check_record(stack: Stack, options: argparse.Namespace, read_from: Source, size: int) -> None:
    """Refuse other options before the start: a failed execution would hide the run's status.

    Raises:
        StackError: The run was planned with other options, or from another input.
    """
    record = stack.read_json(f"runs/{options.run}/run.json")
    if record is None:
        return
    asked = {**job_of(options).as_options(), "size": size, **read_from.reading.as_options()}
    made = {**record, **record["job"]}
    for name, value in asked.items():
        if made[name] != value:
            raise StackError(
                f"run {options.run} was planned with {name} {made[name]!r}, not {value!r}; take "
                "another --run"
            )


def _event(options: argparse.Namespace, read_from: Source, bucket: str, key: str) -> dict[str, Any]:
    table = {"bucket": bucket, "key": key, **read_from.reading.as_options()}
    event = {
        **job_options(options),
        "chunk_rows": options.chunk_rows, "concurrency": options.concurrency,
        "input": {name: value for name, value in table.items() if value},
        "output": {"bucket": bucket, "prefix": f"runs/{options.run}/"},
    }  # fmt: skip
    return {name: value for name, value in event.items() if value is not None}


def _status(stack: Stack, options: argparse.Namespace, _: Interrupts) -> int:
    told = None
    while True:
        now = stack.status(options.run)
        if now != told:
            say(_shown(now))
            told = now
        running = now.state == "RUNNING"
        if not running or not options.wait:
            break
        time.sleep(POLL_S)
    if running:
        return INCOMPLETE
    return SUCCEEDED if now.state == "SUCCEEDED" else FAILED


def _shown(status: Status) -> str:
    text = status.state
    if status.chunks:
        text += f": {status.done:,} of {status.chunks:,} chunks done"
        text += f", {status.failed:,} failed" if status.failed else ""
    return text + (f"; {status.cause}" if status.cause else "")


def _collect(stack: Stack, options: argparse.Namespace, interrupts: Interrupts) -> int:
    home = f"runs/{options.run}/"
    manifest = stack.read_json(f"{home}manifest.json")
    if manifest is None and stack.read_json(f"{home}plan.json") is None:
        say(_shown(stack.status(options.run)))
        return INCOMPLETE
    if manifest is None:  # its execution failed or was stopped, but all rows may be done
        output = {"bucket": stack.bucket, "prefix": home}
        try:
            stack.invoke({"step": "finish", "output": output})
        except StackError as error:
            say(str(error))
            return INCOMPLETE
        manifest = stack.read_json(f"{home}manifest.json")
    with (
        new_files(interrupts, replace=options.force) as made,
        made.file(options.output) as file,
    ):
        lines = sum(stack.fetch(key, file) for key in manifest["keys"])
        if lines != manifest["rows"]:
            raise StackError(f"{lines:,} lines arrived, not {manifest['rows']:,}; collect again")
    text = f"{lines:,} rows, {manifest['errors']:,} in error"
    text += f", {manifest['unmatched']:,} not matching" if manifest["unmatched"] else ""
    cut = manifest["truncated"]
    say(text + (f", {cut:,} truncated to 72 bytes" if cut else ""))
    say(*Notes(manifest["notes"]).lines())
    if options.delete:
        stack.delete([f"in/{options.run}", *stack.keys(home)])
        say("deleted the input on AWS, and all files that were made from it")
    return FAILED if manifest["errors"] or manifest["unmatched"] else SUCCEEDED
