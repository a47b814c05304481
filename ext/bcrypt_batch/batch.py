"""Whole batches: hash_many and verify_many."""

from __future__ import annotations

import os
import time

# Not from collections.abc, which imports all of collections; Python has loaded _collections_abc
# already. Imported at run time, because typing.get_type_hints looks up these names in this module.
from _collections_abc import Iterable, Iterator

from . import _native
from .checks import check_bool, check_bytes, check_list, check_range, check_same_length
from .limits import (
    DEFAULT_COST,
    DEFAULT_MAX_COST,
    DEFAULT_PREFIX,
    MAX_COST,
    MIN_COST,
    PREFIXES,
    SALT_BYTES,
)
from .results import BatchResult, ItemError
from .run import BatchRun, Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .schemes import Scheme, Verifier


def hash_many(
    passwords: Iterable[bytes | ItemError | None],
    *,
    cost: int = DEFAULT_COST,
    prefix: bytes | None = None,
    salts: Iterable[bytes] | None = None,
    truncate: bool = False,
    scheme: str | None = None,
    workers: int | None = None,
    lanes: int | None = None,
    deadline: float | None = None,
    progress: Progress | None = None,
) -> BatchResult[bytes]:
    """Hash passwords; `values[i]` is the hash of `passwords[i]`, or None.

    A hash has 60 bytes; the mark of a scheme adds more.

    Args:
        passwords: The passwords. A password of more than 72 bytes is an error of its item. So is a
            missing password: None, a NaN, pandas.NA, NaT, numpy.ma.masked or a null of Arrow. An
            ItemError stands for a password that the caller refused before, and becomes the item's
            error.
        cost: The logarithm of the number of iterations, 4 to 31.
        prefix: b"2b", b"2a" or b"2y": three labels of one algorithm. The default is the label that
            the scheme's readers expect; without a scheme b"2b".
        salts: 16 raw bytes for each password. By default the operating system's random source
            makes them; only tests need others.
        truncate: Cut longer passwords to 72 bytes, as older libraries do; `truncated` lists them.
        scheme: A name in `bcrypt_batch.schemes.TO_HASH`: make hashes as that system stores them.
        workers: How many threads; by default `worker_count()`.
        lanes: The most items that a thread computes together, 1 to `MAX_LANES`; a kernel with
            fewer lanes uses its own maximum. By default the fastest number.
        deadline: Seconds of wall time from now, a year at most. Items that are unfinished by then
            are in `unprocessed`.
        progress: Called as `progress(done, total)` from the calling thread about 20 times a
            second and at the end. Returning False stops the batch.

    Raises:
        TypeError: An argument, or a password, has the wrong type.
        ValueError: An argument is out of range.

    If `progress` or a signal handler raises, as Ctrl-C does, the batch stops and the exception
    propagates; its attribute `batch_result` is a BatchResult with the finished items.
    """
    started_ns = time.monotonic_ns()
    run = None
    try:
        passwords = check_list("passwords", passwords)
        cost = check_range("cost", cost, MIN_COST, MAX_COST)
        prefix, stored = _to_make(prefix, scheme)
        truncate = check_bool("truncate", truncate)
        if salts is not None:
            salts = check_list("salts", salts)
            check_same_length(passwords, "salts", salts)
        run = BatchRun(len(passwords), workers, lanes, deadline, progress, started_ns)
        joined = _join(salts) if salts else os.urandom(SALT_BYTES * len(passwords))
        if stored:
            run.put = stored.put
            stored.prepare(passwords, new_settings(prefix, cost, joined))
        run.batch.add_passwords(
            passwords, prefix=prefix, cost=cost, salts=joined, truncate=truncate
        )
        if truncate:
            run.note_cut(passwords)
        passwords = ()  # frees 8 bytes an item during the computation
        run.compute()
        return run.hashes()
    except BaseException as error:
        passwords, prefix = (), b""  # error reporters send the locals of frames
        scheme = None  # a caller may have passed a secret in the wrong argument
        _native.hand_over(error, run.hashes if run else None)


def verify_many(
    passwords: Iterable[bytes | ItemError | None],
    hashes: Iterable[bytes | ItemError | None],
    *,
    max_cost: int = DEFAULT_MAX_COST,
    truncate: bool = True,
    scheme: str | None = None,
    pepper: bytes | None = None,
    workers: int | None = None,
    lanes: int | None = None,
    deadline: float | None = None,
    progress: Progress | None = None,
) -> BatchResult[bool]:
    """Check passwords against hashes; `values[i]` is True, False, or None if not computed.

    Costs and the prefixes 2a, 2b, 2x and 2y may be mixed. A malformed hash is an error of its
    item: `unsupported_scheme` if another scheme is recognised, else `invalid_hash`. A missing hash
    is the error `missing_hash`, a missing password `missing_password`.

    Args:
        passwords: As for `hash_many`.
        hashes: A hash of 60 bytes for each password; with `scheme`, the text that the system
            stores. An ItemError stands for a hash that the caller refused before.
        max_cost: A hash of a higher cost is an error of its item, `cost_too_high`, instead of
            minutes or days of work. Each step doubles the time; cost 16 takes seconds.
        truncate: Cut passwords to 72 bytes, as most programs do when they make hashes; `truncated`
            lists them. If False, a longer password is an error of its item.
        scheme: By default all hashes are plain bcrypt. "auto" recognises hashes by the mark of a
            system, such as $wp or bcrypt_sha256$. Any other name in
            `bcrypt_batch.schemes.TO_VERIFY` does the same, and names the scheme of hashes without
            a mark. The result's `schemes` has the scheme of each item.
        pepper: Bytes that the scheme "pepper" appends to each password.
        workers: As for `hash_many`.
        lanes: As for `hash_many`.
        deadline: As for `hash_many`.
        progress: As for `hash_many`.

    Raises:
        TypeError: An argument, a password or a hash has the wrong type.
        ValueError: An argument is out of range, or there are not as many hashes as passwords.

    Exceptions during the computation have a `batch_result`, as in `hash_many`.
    """
    started_ns = time.monotonic_ns()
    run = None
    try:
        passwords = check_list("passwords", passwords)
        hashes = check_list("hashes", hashes)
        check_same_length(passwords, "hashes", hashes)
        max_cost = check_range("max_cost", max_cost, MIN_COST, MAX_COST)
        truncate = check_bool("truncate", truncate)
        verifier = _to_verify(scheme, pepper)
        run = BatchRun(len(passwords), workers, lanes, deadline, progress, started_ns)
        if verifier:
            run.schemes, twice = verifier.take(passwords, hashes)
        if truncate:
            run.note_cut(passwords)
        if verifier and twice:
            first = BatchRun(len(twice), workers, lanes, deadline, progress, started_ns)
            run.begin_with(first, passwords, hashes, twice, max_cost, truncate)
        run.batch.add_hashes(passwords, hashes, max_cost=max_cost, truncate=truncate)
        if not verifier:
            name_refused(run.batch.refused, hashes)
        passwords = ()  # as in hash_many
        run.compute()
        return run.matches()
    except BaseException as error:
        passwords = hashes = ()  # as in hash_many
        scheme = pepper = verifier = None
        _native.hand_over(error, run.matches if run else None)


def _to_make(prefix: bytes | None, name: str | None) -> tuple[bytes, Scheme | None]:
    """Check the prefix and the scheme to hash with."""
    scheme = None
    if name is not None:
        from .schemes import TO_HASH, find  # imported only if needed, for fast cold starts

        scheme = find(name, TO_HASH)
    if prefix is None:
        prefix = DEFAULT_PREFIX if scheme is None else scheme.prefix
    check_bytes("prefix", prefix)
    if prefix not in PREFIXES:  # not quoted: it could be a hash
        raise ValueError(f"prefix must be one of {', '.join(map(repr, PREFIXES))}")
    return bytes(prefix), scheme


def _to_verify(name: str | None, pepper: bytes | None) -> Verifier | None:
    """Check the scheme to verify by, and its pepper."""
    if name is None and pepper is None:
        return None
    from .schemes import Verifier  # here: see _to_make

    return Verifier(name, pepper)


def name_refused(refused: dict[int, tuple[str, str]], hashes: list[Any]) -> None:
    """Name the scheme of each hash that a batch refused, if the scheme is known."""
    if not any(code == "invalid_hash" for code, _ in refused.values()):
        return
    from .schemes import unsupported_by_name  # here: see _to_make

    unsupported_by_name(refused, hashes)


def hash_or_verify(
    passwords: Iterable[bytes | ItemError | None],
    hashes: Iterable[bytes | ItemError | None] | None,
    *,
    cost: int,
    prefix: bytes,
    max_cost: int,
    pepper: bytes | None = None,
    **others: Any,
) -> BatchResult[Any]:
    """Call `verify_many` if hashes are given, else `hash_many`, each with its own arguments.

    `others` are arguments of both functions.
    """
    try:
        if hashes is None:
            return hash_many(passwords, cost=cost, prefix=prefix, **others)
        return verify_many(passwords, hashes, max_cost=max_cost, pepper=pepper, **others)
    finally:
        del passwords, hashes, pepper  # error reporters read the variables of frames


def new_settings(prefix: bytes, cost: int, salts: bytes) -> Iterator[bytes]:
    """Yield the setting of each item; `salts` has 16 bytes for each."""
    for at in range(0, len(salts), SALT_BYTES):
        yield _native.make_setting(prefix, cost, salts[at : at + SALT_BYTES])


def _join(salts: list[bytes]) -> bytes:
    for i, salt in enumerate(salts):
        if not isinstance(salt, bytes):
            raise TypeError(f"salts[{i}] must be bytes, not {type(salt).__name__}")
        if len(salt) != SALT_BYTES:
            raise ValueError(f"salts[{i}] must be {SALT_BYTES} raw bytes, not {len(salt)}")
    return b"".join(salts)
