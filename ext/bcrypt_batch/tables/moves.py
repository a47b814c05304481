"""What each system that verifies hashes would refuse of a table's."""

from __future__ import annotations

from typing import Any

from bcrypt_batch.schemes import PLAIN, SCHEMES

from .audit import Audit, Kind
from .tally import Tally
from .targets import TARGETS, Target


def moves(audit: Audit) -> dict[str, Any]:
    """Return for each system the counts of the bcrypt hashes and passwords that don't fit it."""
    return {name: _unfit(audit, target).as_json() for name, target in TARGETS.items()}


def _unfit(audit: Audit, target: Target) -> Tally:
    found = Tally()
    for kind, (count, first) in audit.hashes.bcrypt.items():
        if not _has_scheme(kind, target):
            found.note("other_scheme", first, count)
        elif target.refusal(kind.prefix, kind.cost):
            found.note("prefix_or_cost", first, count)
    if not target.cut and "over_72_bytes" in audit.passwords:
        count, first = audit.passwords["over_72_bytes"]
        found.note("over_72_bytes", first, count)
    return found


def _has_scheme(kind: Kind, target: Target) -> bool:
    if kind.scheme != PLAIN:
        return kind.scheme == target.scheme
    # Hashes of a scheme without a mark look like plain ones.
    return target.scheme is None or not SCHEMES[target.scheme].mark
