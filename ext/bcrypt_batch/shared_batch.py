"""Whole batches that a SharedChecker's server computes; the result is a BatchResult."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from . import _native
from .batch import name_refused, new_settings
from .checks import check_seconds
from .frames import forgetful
from .lanes import lane_limit
from .limits import MAX_PASSWORD_BYTES, SALT_BYTES
from .results import BatchResult
from .run import BatchRun
from .workers import server_worker_count

if TYPE_CHECKING:
    from typing import Any

    from .shared import SharedChecker


@forgetful
def hash_or_verify(
    checker: SharedChecker,
    passwords: list[Any],
    hashes: list[Any] | None,
    *,
    cost: int,
    prefix: bytes,
    max_cost: int,
    truncate: bool,
    deadline: float,
) -> BatchResult[Any]:
    """Hash passwords, or check them if hashes are given, in one request to a checker's server.

    The items share lanes with the items of all other requests. The result's `stats` have the
    default workers and lanes of a server. They list no threads, because the server's threads
    compute.

    Args:
        checker: A checker whose `max_cost` is at least `cost` and `max_cost` of this call.
        passwords: As for `hash_many`.
        hashes: As for `verify_many`, or None to hash.
        cost: As for `hash_many`.
        prefix: As for `hash_many`.
        max_cost: As for `verify_many`.
        truncate: As for both.
        deadline: As for both.

    Raises:
        CheckerError: The server refuses the request; or it is away, and the checker has
            `when_away="raise"`.
    """
    deadline_ns = time.monotonic_ns() + check_seconds("deadline", deadline)
    total = len(passwords)
    salts = os.urandom(SALT_BYTES * total)
    # This batch only checks the items; the server computes them.
    run = BatchRun(total, None, None, None, None, time.monotonic_ns())
    if hashes is None:
        run.batch.add_passwords(passwords, prefix=prefix, cost=cost, salts=salts, truncate=truncate)
    else:
        run.batch.add_hashes(passwords, hashes, max_cost=max_cost, truncate=truncate)
        name_refused(run.batch.refused, hashes)
    if truncate:
        run.note_cut(passwords)
    places = [i for i in range(total) if i not in run.batch.refused]
    known = list(new_settings(prefix, cost, salts)) if hashes is None else hashes
    settings = [known[i] for i in places]
    keys = [passwords[i][:MAX_PASSWORD_BYTES] for i in places]
    seconds = max(0.0, (deadline_ns - time.monotonic_ns()) / 1e9)
    values: list[Any] = [None] * total
    made = checker.hash_all_under(keys, settings, timeout=seconds) if places else []
    for i, value in zip(places, made, strict=True):
        if value is not None:
            values[i] = value if hashes is None else _native.equal(value, hashes[i])
    run.workers = server_worker_count()
    lanes = lane_limit(run.kernel, run.workers) if places else 0
    return run.result(values, [i for i in places if values[i] is None], lanes)
