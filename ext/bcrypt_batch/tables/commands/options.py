"""Options of several commands, and their checks; argparse shows the errors.

The namespace has only the given options of a Job; the Job has the defaults.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from bcrypt_batch.checks import MAX_SECONDS
from bcrypt_batch.limits import (
    DEFAULT_COST,
    DEFAULT_MAX_COST,
    DEFAULT_PREFIX,
    MAX_COST,
    MAX_WORKERS,
    MIN_COST,
    PREFIX_NAMES,
)
from bcrypt_batch.schemes import AUTO, DIGITS, SCHEMES, prefix_name

from ..compute import Job
from ..dialects import DIALECTS
from ..kinds import is_delimiter, known_encoding
from ..rows import Columns, Reading
from ..targets import TARGETS

if TYPE_CHECKING:
    Parser = argparse.ArgumentParser | argparse._ArgumentGroup

GIVEN_ONLY = argparse.SUPPRESS


def add_cost(parser: Parser) -> None:
    parser.add_argument(
        "-c", "--cost", type=whole_number(MIN_COST, MAX_COST), metavar="N", default=GIVEN_ONLY,
        help=f"the cost to hash with, {MIN_COST} to {MAX_COST}; default: {DEFAULT_COST}",
    )  # fmt: skip


def add_workers(parser: Parser) -> None:
    parser.add_argument(
        "-j", "--workers", type=whole_number(1, MAX_WORKERS), metavar="N", default=GIVEN_ONLY,
        help="threads; default: by the CPUs",
    )  # fmt: skip


def add_hashing(parser: Parser) -> None:
    """Add the options of the operation hash."""
    parser.add_argument(
        "--for", choices=tuple(TARGETS), metavar="SYSTEM",
        help="make hashes for this system: choose prefix, scheme and cost, and refuse any that the "
        f"system doesn't verify: {', '.join(TARGETS)}",
    )  # fmt: skip
    add_cost(parser)
    parser.add_argument(
        "--prefix", choices=PREFIX_NAMES, default=GIVEN_ONLY,
        help=f"default: {DEFAULT_PREFIX.decode()}, or what the scheme's readers expect",
    )  # fmt: skip
    parser.add_argument(
        "--truncate", action="store_true", default=GIVEN_ONLY,
        help="cut passwords of more than 72 bytes, instead of an error of their rows",
    )  # fmt: skip
    parser.add_argument(
        "--hash-anyway", action="store_true", default=GIVEN_ONLY,
        help="hash passwords even if they look like hashes, instead of refusing the table",
    )  # fmt: skip


def _scheme(names: Sequence[str]) -> Callable[[str], str]:
    """Return a check that text is one of these schemes."""

    def check(text: str) -> str:
        if text in names:
            return text
        hint = ""
        if text in DIGITS:
            hint = f"; --wrap {text} hashes digests that a table has already"
        elif AUTO in names and text in SCHEMES:
            hint = "; hashes with its mark are recognised without the option"
        raise argparse.ArgumentTypeError(f"must be one of {', '.join(names)}, not {text!r}{hint}")

    return check


def add_wrap(parser: Parser) -> None:
    parser.add_argument(
        "--wrap", choices=tuple(DIGITS), metavar="NAME", default=GIVEN_ONLY,
        help="the password column has hexadecimal digests instead of passwords: hash the digests; "
        f"verify --scheme NAME then checks passwords: {', '.join(DIGITS)}",
    )  # fmt: skip


def add_hash_column(parser: Parser) -> None:
    parser.add_argument("--hash-column", metavar="C", help="default: hash")


def add_verifying(parser: Parser) -> None:
    """Add the options of the operation verify."""
    add_hash_column(parser)
    parser.add_argument(
        "--max-cost", type=whole_number(MIN_COST, MAX_COST), metavar="N", default=GIVEN_ONLY,
        help=f"a hash of a higher cost is an error of its row; default: {DEFAULT_MAX_COST}",
    )  # fmt: skip
    parser.add_argument(
        "--no-truncate", dest="truncate", action="store_false", default=GIVEN_ONLY,
        help="a password of more than 72 bytes is an error of its row",
    )  # fmt: skip


def add_scheme(parser: Parser, names: Sequence[str], about: str) -> None:
    parser.add_argument(
        "--scheme", type=_scheme(names), choices=names, metavar="NAME", default=GIVEN_ONLY,
        help=f"{about}: {', '.join(names)}",
    )  # fmt: skip


def add_input(
    parser: argparse.ArgumentParser, what: str, formats: Sequence[str]
) -> argparse._ArgumentGroup:
    """Add the input and the options to read it; return the group, to add a command's options."""
    parser.add_argument("input", metavar="INPUT", help=what)
    group = parser.add_argument_group("input")
    group.add_argument(
        "-f", "--format", choices=formats,
        help="default: by the input's name, else by its first line",
    )  # fmt: skip
    group.add_argument(
        "-d", "--delimiter", type=delimiter, metavar="D",
        help="between the fields of CSV; default: a comma, a tab for --dialect postgres and mysql, "
        "and if the input's name ends in .tsv",
    )  # fmt: skip
    group.add_argument(
        "--dialect", choices=DIALECTS,
        help="csv: fields may be in quotes; postgres: the text format of COPY; mysql: files of "
        "mysql --batch and SELECT INTO OUTFILE; the last two have backslashes instead of quotes",
    )  # fmt: skip
    group.add_argument(
        "--encoding", type=encoding, metavar="NAME",
        help="the table's encoding, such as cp1252: passwords are hashed as UTF-8, and a row in "
        "another encoding is an error; default: passwords are hashed as the bytes they are",
    )  # fmt: skip
    group.add_argument(
        "--null", dest="nulls", action="append", metavar="TEXT",
        help="a password or hash that is exactly TEXT is missing; may be repeated; default: "
        "none, with --dialect mysql: NULL",
    )  # fmt: skip
    group.add_argument(
        "--password-column", default="password", metavar="C", help="default: password"
    )
    group.add_argument("--id-column", metavar="C", help="default: id, if there is one")
    return group


def add_results(group: argparse._ArgumentGroup) -> None:
    """Add the options that change the results of rows."""
    group.add_argument(
        "-k", "--keep", action="append", default=[], metavar="C",
        help="copy column C to the results; may be repeated",
    )  # fmt: skip
    group.add_argument(
        "--allow-empty", action="store_true", default=GIVEN_ONLY,
        help="treat an empty password as a password, not as missing",
    )  # fmt: skip


def job_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of a Job that options give or --for chooses.

    Raises:
        InvalidTable: Options contradict --for.
    """
    given = {name: value for name, value in vars(options).items() if name in Job._fields}
    target = TARGETS.get(getattr(options, "for", None) or "")
    return target.choose(given) if target else given


def chosen(options: argparse.Namespace, job: Job) -> list[str]:
    """Return the line that says what --for chose, if it was given."""
    name = getattr(options, "for", None)
    scheme = f"scheme {job.scheme}, " if job.scheme else ""
    return [f"for {name}: {scheme}${job.prefix}$, cost {job.cost}"] if name else []


def job_of(options: argparse.Namespace) -> Job:
    """Return the Job. The scheme decides the prefix; verifying recognises marks in any case."""
    given = job_options(options)
    if options.operation == "verify":
        given.setdefault("scheme", AUTO)
    given.setdefault("prefix", prefix_name(given.get("scheme")))
    return Job(**given)


def reading(options: argparse.Namespace) -> Reading:
    """Return how to read the input."""
    hashed = None
    if options.operation == "verify" and getattr(options, "hashes", None) is None:
        hashed = "hash" if options.hash_column is None else options.hash_column
    return Reading(
        options.format,
        Columns(options.password_column, options.id_column, hashed, tuple(options.keep)),
        options.delimiter,
        options.dialect,
        None if options.nulls is None else tuple(dict.fromkeys(options.nulls)),
        options.encoding,
    )


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
    """Check that text is a number of seconds, from 0 to a year."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= MAX_SECONDS:
        raise argparse.ArgumentTypeError(
            f"must be a number of seconds, at most a year, not {text!r}"
        )
    return value


def encoding(text: str) -> str:
    """Check that text is the name of an encoding that tables can have."""
    name = known_encoding(text)
    if name is None:
        raise argparse.ArgumentTypeError(
            "must be an encoding in which ASCII's characters are the same bytes as in ASCII, such "
            f"as cp1252, not {text!r}"
        )
    return name


def delimiter(text: str) -> str:
    r"""Check that text is one character between fields; \t and tab are a tab."""
    text = "\t" if text in ("\\t", "tab") else text
    if not is_delimiter(text):
        raise argparse.ArgumentTypeError(
            f"must be one character other than a quote or a line's end, or tab, not {text!r}"
        )
    return text
