"""The report of `inspect`, as text for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bcrypt_batch.limits import DEFAULT_MAX_COST

from .progress import shown_time
from .targets import TARGETS

_IDS = {
    "missing": "missing",
    "repeated": "repeated: an earlier row has the same id",
    "alike": "alike: an earlier id differs only in case or in blanks around it",
}
_PASSWORDS = {
    "missing": "null or absent",
    "empty": "empty: missing without --allow-empty",
    "over_72_bytes": "over 72 bytes: an error without --truncate",
    "with_nul": "with a NUL",
    "not_ascii": "not ASCII",
    "no_utf8": "not UTF-8: --encoding names the table's encoding",
    "nulls": "exactly \\N, NULL, null or None: --null TEXT treats them as missing",
    "backslashes": "with two backslashes in a row, as MySQL writes one with ENCLOSED BY",
    "hashes": "looking like a hash: hash refuses these",
    "digests": "looking like a hexadecimal digest: hash --wrap is for digests",
}
_HASHES = {
    "missing": "null or absent",
    "empty": "empty",
    "nulls": "exactly \\N, NULL, null or None: --null TEXT treats them as missing",
    "invalid": "neither bcrypt nor another known scheme",
}


def report(found: dict[str, Any], name: str) -> list[str]:
    """Return the lines that show the counts of an audit."""
    lines = [f"{name}: {_rows(found['rows'])}"]
    if not found["complete"]:
        lines[0] += ", and then it was stopped: the counts are of these rows only"
    lines += _section(
        "rows that can't be read", found["errors"], {code: code for code in found["errors"]}
    )
    ids = found["ids"]
    lines += _section(f"ids: {ids['compared']:,}", ids, _IDS) if ids["compared"] else ["no ids"]
    lines += _passwords(found["passwords"])
    lines += _hashes(found["hashes"])
    lines += _targets(found)
    return lines + _times(found)


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _section(title: str, counts: dict[str, Any], labels: Mapping[Any, str]) -> list[str]:
    """Return the title and a line for each count; an empty list without counts."""
    lines = [
        f"{counts[name]['rows']:>14,}  {label} ({_where(counts[name])})"
        for name, label in labels.items()
        if name in counts
    ]
    return [title, *lines] if lines else []


def _where(count: dict[str, int]) -> str:
    return f"row {count['first']}" if count["rows"] == 1 else f"the first in row {count['first']}"


def _passwords(counts: dict[str, Any]) -> list[str]:
    present = counts["present"]["rows"] if "present" in counts else 0
    title = f"passwords: {present:,}"
    if longest := counts["longest"]:
        title += f", the longest of {longest['bytes']:,} bytes in row {longest['first']}"
    return _section(title, counts, _PASSWORDS) or ([title] if present else [])


def _hashes(counts: dict[str, Any]) -> list[str]:
    present = counts["present"]["rows"] if "present" in counts else 0
    if not present and "missing" not in counts and "empty" not in counts:
        return []
    title = f"hashes: {present:,}"
    if counts["in_password_column"]:
        title += " in the password column"
    lines = _section(title, counts, _HASHES) or [title]
    for of, label in (
        ("schemes", "bcrypt, scheme {}"), ("not_bcrypt", "not bcrypt: {}, unsupported_scheme"),
        ("prefixes", "prefix ${}$"), ("costs", "cost {}"),
    ):  # fmt: skip
        lines += _section("", counts[of], {name: label.format(name) for name in counts[of]})[1:]
    high = [int(cost) for cost in counts["costs"] if int(cost) > DEFAULT_MAX_COST]
    if high:
        lines.append(f"{'':14}  a cost over {DEFAULT_MAX_COST} is an error without --max-cost")
    return lines


def _targets(found: dict[str, Any]) -> list[str]:
    """Return the lines about other systems, if there are bcrypt hashes to move."""
    if not found["hashes"]["schemes"]:
        return []
    lines = ["systems that verify bcrypt hashes, and what doesn't fit them"]
    for name, counts in found["targets"].items():
        labels = {
            "other_scheme": f"{name} stores another scheme",
            "prefix_or_cost": f"{name} takes {TARGETS[name].takes}",
            "over_72_bytes": f"{name} refuses passwords over 72 bytes",
        }
        lines += _section("", counts, labels)[1:]
    if fit := [name for name, counts in found["targets"].items() if not counts]:
        lines.append(f"{'all':>14}  fit {', '.join(fit)}")
    return lines


def _times(found: dict[str, Any]) -> list[str]:
    times = found["seconds"]
    if times["hash"] is None:
        return []
    lines = ["here, by what was measured just now"]
    for of, about in (
        ("hash", f"to hash the passwords at cost {times['cost']}"),
        ("verify", "to verify each bcrypt hash once"),
    ):
        if times[of]:
            lines.append(f"{shown_time(max(1, times[of])):>14}  {about}")
    return lines
