"""The output of a run is its journal: read the lines that earlier runs wrote.

The output has a line for each row, in the order of the rows. To resume, an incomplete last line is
dropped, the complete lines are counted, and as many rows are skipped. A small file beside the
output records input and options. A run with another input or other options can't continue the
output.
"""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from collections.abc import Callable
from typing import Any, NamedTuple

from .lines import Lines
from .newfiles import OutputRefused, open_ours
from .results import Counts, read_line

STATE_VERSION = 1
UNLIMITED = 1 << 62
_OTHER_FILES = {
    "input": "from another input",
    "hashes": "with other --hashes",
    "pepper_file": "with another --pepper-file",
}
Failed = Callable[[int, Any, str], None]


def input_state(name: str) -> dict[str, int] | None:
    """Return an input's size and mtime, which identify it; None unless it is a plain file."""
    if name == "-" or not stat.S_ISREG((about := os.stat(name)).st_mode):
        return None
    return {"size": about.st_size, "mtime_ns": about.st_mtime_ns}


def check_state(path: str, state: dict[str, Any]) -> None:
    file = f"{path}.state"
    try:
        with open(open_ours(file, os.O_RDONLY), "rb") as opened:
            found = json.loads(opened.read())
    except FileNotFoundError:
        raise OutputRefused(
            f"{file} is missing, and with it the input and options of {path}; --force begins anew"
        ) from None
    except (ValueError, RecursionError):
        raise OutputRefused(f"{file} can't be read; --force begins anew") from None
    if not isinstance(found, dict) or found.get("version") != STATE_VERSION:
        raise OutputRefused(f"another version wrote {file}; --force begins anew")
    for name, value in state.items():
        if found.get(name) != value:
            what = _OTHER_FILES.get(name) or f"with {name} {found.get(name)!r}, not {value!r}"
            raise OutputRefused(f"{path} was made {what}; --force begins anew")


class Scan(NamedTuple):
    """The content of an output.

    Attributes:
        counts: Counts of the complete lines.
        size: Size of the complete lines in bytes.
        last: The number of the last row; None if the lines are not results.
    """

    counts: Counts
    size: int
    last: int | None


def scan(descriptor: int, form: str, failed: Failed = lambda *_: None) -> Scan:
    """Read the results of earlier runs; call `failed` with number, id and error of failed rows."""
    with open(os.dup(descriptor), "rb") as file:
        file.seek(0)
        return (_scan_csv if form == "csv" else _scan_json)(file, failed)


def _scan_json(file: io.BufferedReader, failed: Failed) -> Scan:
    rows = errors = unmatched = truncated = whole = 0
    last = b""
    for line in file:
        if not line.endswith(b"\n"):
            break
        one, found = read_line(line)
        if found:
            failed(rows, found.get("id"), str(found["error"]))
        rows, errors = rows + one.rows, errors + one.errors
        unmatched, truncated = unmatched + one.unmatched, truncated + one.truncated
        whole += len(line)
        last = line
    return Scan(Counts(rows, errors, unmatched, truncated), whole, _number(last))


def _number(line: bytes) -> int | None:
    try:
        found = json.loads(line)
        return found["row"] if isinstance(found["row"], int) else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _scan_csv(file: io.BufferedReader, failed: Failed) -> Scan:
    """Scan CSV, whose records may contain line ends."""
    lines = Lines(file, limit=UNLIMITED)
    reader = csv.reader(lines, strict=True)
    limit = csv.field_size_limit(UNLIMITED)  # our own lines have no limit, unlike the input's
    size = os.fstat(file.fileno()).st_size
    ends = os.pread(file.fileno(), 1, size - 1) == b"\n"
    rows = errors = unmatched = truncated = whole = 0
    last: int | None = None
    try:
        for record in reader:
            if lines.offset == size and not ends:
                break
            if whole:
                if record[-1]:
                    failed(rows, record[1], record[-1])
                rows, errors = rows + 1, errors + bool(record[-1])
                unmatched += record[-3] == "false"
                truncated += record[-2] == "true"
                last = int(record[0])
            whole = lines.mark()
    except (csv.Error, ValueError, IndexError):
        if lines.offset != size:  # malformed before its end: no run wrote this file
            return Scan(Counts(rows + 1), whole, None)
    finally:
        csv.field_size_limit(limit)
    return Scan(Counts(rows, errors, unmatched, truncated), whole, last)
