"""`bcrypt-batch export`: convert finished results to the formats of other systems."""

from __future__ import annotations

import argparse
import csv
import glob
import json
from collections.abc import Callable, Iterator
from itertools import count, takewhile
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from ..importers import AUTH0, FUSIONAUTH, HASH, KEYCLOAK, KRATOS, Refused, Request, Users
from ..inputs import open_input
from ..interrupts import Interrupts
from ..journal import UNLIMITED
from ..lines import Lines
from ..messages import say
from ..newfiles import NewFiles, OutputRefused, new_files
from ..output import check_paths

SEPARATOR = b",\n"
SHOWN = 20  # refused rows that are named
KRATOS_SCHEMA = "preset://email"  # as in Ory's documentation


class Format(NamedTuple):
    """A format of exports.

    Attributes:
        user: Makes a user from a result.
        write: Writes the users; returns how many.
        request: The request that a file is the body of; None if all users are in one file.
    """

    user: Callable[[Users, dict[str, Any]], bytes]
    write: Callable[[Iterator[bytes], argparse.Namespace, NewFiles], int]
    request: Request | None = None


def add(commands: Any) -> None:
    """Add the command to the parser's."""
    parser = commands.add_parser(
        "export", help="convert results for the importers of other systems",
        description="Convert finished results for the importers of other systems. Rows in error "
        "are left out and counted, and the status is 1. If a system would change or drop a row, or "
        "take it for another user, the row is named, no file is made, and the status is 2.",
        examples=(
            "bcrypt-batch export firebase hashed.jsonl -o users.json",
            "bcrypt-batch export auth0 hashed.jsonl -o users.json --custom",
            "bcrypt-batch export htpasswd hashed.jsonl -o users.htpasswd",
            "bcrypt-batch export kratos hashed.jsonl -o users.json --schema default",
        ),
    )  # fmt: skip
    parser.add_argument("form", choices=sorted(FORMATS), metavar="FORMAT", help=", ".join(FORMATS))
    parser.add_argument("input", metavar="INPUT", help="results of bcrypt-batch hash; a file, or -")
    parser.add_argument(
        "-o", "--output", default="-", metavar="FILE",
        help="default: -, standard output; auth0, fusionauth, keycloak and kratos limit the users "
        "of an import: users.json becomes users-0001.json and so on",
    )  # fmt: skip
    parser.add_argument("--force", action="store_true", help="replace an existing output")
    parser.add_argument(
        "--email", default="email", metavar="KEY",
        help="the key of the e-mail address, a column that hash got with --keep; default: email",
    )  # fmt: skip
    parser.add_argument(
        "--custom", action="store_true",
        help="auth0: write other hashes than $2a$ and $2b$ of cost 10 as custom_password_hash",
    )  # fmt: skip
    parser.add_argument(
        "--schema", default=KRATOS_SCHEMA, metavar="ID",
        help=f"kratos: the identity schema, whose traits have an email; default: {KRATOS_SCHEMA}",
    )  # fmt: skip
    parser.set_defaults(execute=run)


def run(options: argparse.Namespace, interrupts: Interrupts) -> int:
    """Export results; return the exit status."""
    check_paths(options.input, options.output)
    form = FORMATS[options.form]
    left_out = [0]
    with (
        open_input(options.input, interrupts) as file,
        new_files(interrupts, replace=options.force) as made,
    ):
        users = _users(_results(file, left_out), form, options)
        written = form.write(users, options, made)
    say(f"{written:,} users, {left_out[0]:,} rows in error left out")
    return 1 if left_out[0] else 0


def _results(file: BinaryIO, left_out: list[int]) -> Iterator[dict[str, Any]]:
    """Yield the results that have a hash."""
    for result in _parsed(file):
        if "error" in result:
            left_out[0] += 1
            continue
        hashed = result.get("hash")
        if not isinstance(hashed, str) or not HASH.fullmatch(hashed):
            raise Refused(
                f"row {result['row']} has no hash of plain bcrypt; export takes results of "
                "bcrypt-batch hash without --scheme"
            )
        if hashed.startswith("$2x$"):
            raise Refused(f"row {result['row']}: $2x$ is another algorithm, which no system takes")
        yield result


def _parsed(file: BinaryIO) -> Iterator[dict[str, Any]]:
    """Yield the results of a file, which is CSV if it begins with the header of results."""
    lines = Lines(file, limit=UNLIMITED)
    records: Iterator[Any] = map(json.loads, lines)
    if is_csv := lines.head.startswith(b"row,id,"):
        found = csv.DictReader(lines, strict=True)  # missing values are empty fields
        records = ({name: text for name, text in record.items() if text} for record in found)
    number = 0
    try:
        for record in records:
            result = {**record, "row": int(record["row"])}
            number += 1
            lines.mark()
            yield result
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError, csv.Error):
        what = "record" if is_csv else "line"
        raise Refused(f"{what} {number + 1} is no result of bcrypt-batch hash") from None


def _users(
    results: Iterator[dict[str, Any]], form: Format, options: argparse.Namespace
) -> Iterator[bytes]:
    """Yield the users; name the refused rows, and raise Refused after the last row."""
    users = Users(options)
    refused = 0
    for result in results:
        try:
            user = form.user(users, result)
        except Refused as error:
            refused += 1
            if refused <= SHOWN:
                say(f"row {result['row']}: {error}")
            continue
        if not refused:
            yield user
    if refused:
        more = f", of which {SHOWN} are named" if refused > SHOWN else ""
        raise Refused(
            f"{refused:,} rows are refused{more}, and the export with them; correct these rows, or "
            "remove their lines from the results"
        )


def _firebase(users: Iterator[bytes], options: argparse.Namespace, made: NewFiles) -> int:
    written = 0
    with made.file(options.output) as file:
        file.write(b'{"users": [')
        for user in users:
            file.write((SEPARATOR if written else b"\n") + user)
            written += 1
        file.write(b"\n]}\n")
    return written


def _requests(users: Iterator[bytes], options: argparse.Namespace, made: NewFiles) -> int:
    """Write a file for each request."""
    request = FORMATS[options.form].request
    assert request is not None
    if options.output == "-":
        raise OutputRefused(
            f"{options.form} is several files: give --output FILE, not standard output"
        )
    target = Path(options.output)
    stem, suffix = target.stem, target.suffix or ".json"
    numbered = f"{glob.escape(stem)}-{'[0-9]' * 4}{glob.escape(suffix)}"
    for there in target.parent.glob(numbered):
        check_paths(options.input, str(there))

    def name(number: int) -> Path:
        return target.with_name(f"{stem}-{number:04}{suffix}")

    files = written = 0
    for of_file in _by_request(users, request):
        files += 1
        with made.file(str(name(files))) as file:
            file.write(request.head + SEPARATOR.join(of_file) + request.tail)
        written += len(of_file)
    if options.force and files:
        # Files of an earlier, longer export would be imported with this one.
        for stale in takewhile(Path.is_file, map(name, count(files + 1))):
            made.supersede(str(stale))
    return written


def _by_request(users: Iterator[bytes], request: Request) -> Iterator[list[bytes]]:
    """Yield the users of each request."""
    held: list[bytes] = []
    empty = size = len(request.head) + len(request.tail)
    for user in users:
        more = len(SEPARATOR) + len(user)
        if held and (len(held) >= request.most_users or size + more > request.most_bytes):
            yield held
            held, size = [], empty
        size += more if held else len(user)
        held.append(user)
    if held:
        yield held


def _lines(users: Iterator[bytes], options: argparse.Namespace, made: NewFiles) -> int:
    written = 0
    with made.file(options.output) as file:
        for user in users:
            file.write(user + b"\n")
            written += 1
    return written


FORMATS = {
    "auth0": Format(Users.auth0, _requests, AUTH0),
    "clerk": Format(Users.clerk, _lines),
    "firebase": Format(Users.firebase, _firebase),
    "fusionauth": Format(Users.fusionauth, _requests, FUSIONAUTH),
    "htpasswd": Format(Users.htpasswd, _lines),
    "keycloak": Format(Users.keycloak, _requests, KEYCLOAK),
    "kratos": Format(Users.kratos, _requests, KRATOS),
    "okta": Format(Users.okta, _lines),
}
