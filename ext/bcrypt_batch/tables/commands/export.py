"""`bcrypt-batch export`: from finished results to what other systems import."""

from __future__ import annotations

import argparse
import base64
import glob
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from itertools import count, takewhile
from pathlib import Path
from typing import Any, BinaryIO

from ..messages import say
from ..output import OutputRefused, check_paths, create

# Auth0, "Bulk User Import Database Schema and Examples": the size of a file, and what password_hash
# takes; anything else goes as custom_password_hash.
AUTH0_BYTES = 500 * 1000
AUTH0_COST = 10
AUTH0_PREFIXES = ("2a", "2b")
# Firebase, "auth:import and auth:export": the local id.
FIREBASE_ID_CHARS = 128
# Apache, htpasswd(1): a user name has no colon and at most 255 bytes; # begins a comment.
HTPASSWD_ID_BYTES = 255

HASH = re.compile(r"\$(2[abxy])\$([0-9]{2})\$[./A-Za-z0-9]{53}", re.ASCII)


class Refused(ValueError):
    """A result that can't be exported; the message names its row and quotes nothing secret."""


def add(commands: Any) -> None:
    """Add the command to the parser's."""
    parser = commands.add_parser(
        "export", help="write results as other systems import them", allow_abbrev=False,
        description="Write finished results as other systems import them. Rows in error are left "
        "out, and counted; status 1 then.",
    )  # fmt: skip
    parser.add_argument("form", choices=sorted(FORMATS), metavar="FORMAT", help=", ".join(FORMATS))
    parser.add_argument("input", help="results of bcrypt-batch hash, as JSONL; a file, or -")
    parser.add_argument(
        "--output", required=True, metavar="FILE",
        help="for auth0, files of at most 500 KB: users.json becomes users-0001.json and so on",
    )  # fmt: skip
    parser.add_argument("--force", action="store_true", help="replace an output that is there")
    parser.add_argument(
        "--email", default="email", metavar="KEY",
        help="the key of the e-mail address, a column that hash was told to --keep; default: email",
    )  # fmt: skip
    parser.add_argument(
        "--custom", action="store_true",
        help="auth0: write other hashes than $2a$ and $2b$ of cost 10 as custom_password_hash",
    )  # fmt: skip
    parser.set_defaults(execute=run)


def run(options: argparse.Namespace) -> int:
    """Export results; return the exit status."""
    check_paths(options.input, options.output)
    left_out = [0]
    standard = options.input == "-"
    with nullcontext(sys.stdin.buffer) if standard else Path(options.input).open("rb") as file:
        written = FORMATS[options.form](_results(file, left_out), options)
    say(f"{written:,} users, {left_out[0]:,} rows in error left out")
    return 1 if left_out[0] else 0


def _results(file: BinaryIO, left_out: list[int]) -> Iterator[dict[str, Any]]:
    """Yield the results that have a hash and an id of their own."""
    seen: set[str] = set()
    for number, line in enumerate(file, 1):
        try:
            result = json.loads(line)
            where = f"row {int(result['row'])}"
        except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
            raise Refused(f"line {number} is no result of bcrypt-batch hash") from None
        if "error" in result:
            left_out[0] += 1
            continue
        if not isinstance(result.get("hash"), str) or not HASH.fullmatch(result["hash"]):
            raise Refused(f"{where} has no hash; export takes results of bcrypt-batch hash")
        identity = result.get("id")
        if identity is None or identity == "":
            raise Refused(f"{where} has no id; name its column with --id-column when hashing")
        result["id"] = str(identity)
        if result["id"] in seen:
            # Importers overwrite one user with the other.
            raise Refused(f"{where} has the id of an earlier row")
        seen.add(result["id"])
        yield result


def _email(result: dict[str, Any], key: str) -> str | None:
    email = result.get(key)
    if email is not None and not isinstance(email, str):
        raise Refused(f"row {result['row']}: {key!r} must be text")
    return email or None


def _firebase(results: Iterator[dict[str, Any]], options: argparse.Namespace) -> int:
    """For `firebase auth:import users.json --hash-algo=BCRYPT`."""
    written = 0
    with create(options.output, options.force) as file:
        file.write(b'{"users": [')
        for result in results:
            if len(result["id"]) > FIREBASE_ID_CHARS:
                raise Refused(
                    f"row {result['row']}: the id has more than {FIREBASE_ID_CHARS} characters"
                )
            user = {"localId": result["id"]}
            if email := _email(result, options.email):
                user["email"] = email
            # The salt is in the hash; the whole string is what they take.
            user["passwordHash"] = base64.b64encode(result["hash"].encode()).decode()
            file.write((",\n" if written else "\n").encode() + json.dumps(user).encode())
            written += 1
        file.write(b"\n]}\n")
    return written


def _auth0(results: Iterator[dict[str, Any]], options: argparse.Namespace) -> int:
    """For Auth0's job of importing users: arrays in files of at most 500 KB."""
    if options.output == "-":
        raise OutputRefused("--output can't be - for auth0, which is several files")
    target = Path(options.output)
    stem, suffix = target.stem, target.suffix or ".json"
    numbered = f"{glob.escape(stem)}-{'[0-9]' * 4}{glob.escape(suffix)}"
    for there in target.parent.glob(numbered):
        check_paths(options.input, str(there))

    def name(number: int) -> Path:
        return target.with_name(f"{stem}-{number:04}{suffix}")

    files = written = 0
    with ExitStack() as made:  # they take their names together, at its end
        for users in _auth0_files(results, options):
            files += 1
            file = made.enter_context(create(str(name(files)), options.force))
            file.write(b"[" + b",\n".join(users) + b"]\n")
            file.close()  # there may be more than a process may have open
            written += len(users)
    if options.force and files:
        # What an earlier, longer export left would be imported with this one.
        for stale in takewhile(Path.is_file, map(name, count(files + 1))):
            stale.unlink()
    return written


def _auth0_files(
    results: Iterator[dict[str, Any]], options: argparse.Namespace
) -> Iterator[list[bytes]]:
    """Yield the users of each file."""
    users: list[bytes] = []
    size = 0
    for result in results:
        user = json.dumps(_auth0_user(result, options)).encode()
        if len(user) + 5 > AUTH0_BYTES:
            raise Refused(f"row {result['row']}: the user alone takes more than a file's 500 KB")
        if size + len(user) + 5 > AUTH0_BYTES:
            yield users
            users, size = [], 0
        users.append(user)
        size += len(user) + 2
    if users:
        yield users


def _auth0_user(result: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    where = f"row {result['row']}"
    email = _email(result, options.email)
    if not email:
        raise Refused(
            f"{where} has no {options.email!r}, which Auth0 needs; --keep {options.email} when "
            "hashing takes the column along, --email names another"
        )
    user: dict[str, Any] = {"user_id": result["id"], "email": email}
    match = HASH.fullmatch(result["hash"])
    assert match is not None
    if match[1] in AUTH0_PREFIXES and int(match[2]) == AUTH0_COST:
        return {**user, "password_hash": result["hash"]}
    if not options.custom:
        raise Refused(
            f"{where}: password_hash takes $2a$ and $2b$ of cost {AUTH0_COST} only, and this is "
            f"${match[1]}$ of cost {int(match[2])}; --custom writes it as custom_password_hash"
        )
    value = {"value": result["hash"], "encoding": "utf8"}
    return {**user, "custom_password_hash": {"algorithm": "bcrypt", "hash": value}}


def _htpasswd(results: Iterator[dict[str, Any]], options: argparse.Namespace) -> int:
    """For Apache and nginx: the algorithm under its label 2y."""
    written = 0
    with create(options.output, options.force) as file:
        for result in results:
            try:
                name = result["id"].encode("utf-8", "surrogateescape")
            except UnicodeEncodeError:
                raise Refused(f"row {result['row']}: the id has half a surrogate pair") from None
            if (
                len(name) > HTPASSWD_ID_BYTES
                or name.startswith(b"#")
                or any(byte < 32 or byte == ord(":") for byte in name)
            ):
                raise Refused(
                    f"row {result['row']}: the id must have no colon or control character, not "
                    f"begin with #, and have at most {HTPASSWD_ID_BYTES} bytes"
                )
            if result["hash"].startswith("$2x$"):
                raise Refused(f"row {result['row']}: $2x$ is another algorithm than $2y$")
            file.write(b"%b:$2y$%b\n" % (name, result["hash"][4:].encode()))
            written += 1
    return written


FORMATS: dict[str, Callable[[Iterator[dict[str, Any]], argparse.Namespace], int]] = {
    "auth0": _auth0,
    "firebase": _firebase,
    "htpasswd": _htpasswd,
}
