"""Limits and defaults of arguments, for the package's own checks and for its callers'."""

from __future__ import annotations

from . import _native

MIN_COST = _native.MIN_COST
MAX_COST = _native.MAX_COST

DEFAULT_COST = 12

# The stored hash decides the work of verifying it. Above a few seconds an item is more likely a
# mistake or an attack than a policy.
DEFAULT_MAX_COST = 16

MAX_LANES = _native.MAX_LANES  # of any kernel; those that have fewer take a larger limit as theirs
MAX_PASSWORD_BYTES = _native.MAX_KEY_BYTES
MAX_WORKERS = 1024
SALT_BYTES = _native.SALT_BYTES
PREFIXES = (b"2a", b"2b", b"2y")  # not 2x, which marks hashes made by a bug
PREFIX_NAMES = tuple(prefix.decode() for prefix in PREFIXES)
DEFAULT_PREFIX = b"2b"


def iterations(hashed: bytes | None, max_cost: int) -> int:
    """Return how many iterations it takes to verify a hash, 2^cost; 0 if nothing is computed.

    Nothing is computed for a malformed hash, nor for one above `max_cost`.
    """
    cost = _native.hash_cost(hashed) if hashed else 0
    return 1 << cost if 0 < cost <= max_cost else 0
