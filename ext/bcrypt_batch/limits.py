"""Limits and defaults of arguments, for this package and for callers that check before a call."""

from __future__ import annotations

from . import _native

MIN_COST = _native.MIN_COST
MAX_COST = _native.MAX_COST

DEFAULT_COST = 12

# The cost in a stored hash decides how long verifying takes. A hash that takes more than a few
# seconds is more likely a mistake or an attack than a policy.
DEFAULT_MAX_COST = 16

MAX_LANES = _native.MAX_LANES  # of any kernel; a kernel with fewer lanes uses its own maximum
MAX_PASSWORD_BYTES = _native.MAX_KEY_BYTES
MAX_WORKERS = 1024
SALT_BYTES = _native.SALT_BYTES
PREFIXES = (b"2a", b"2b", b"2y")  # not 2x, which marks hashes made by a bug
PREFIX_NAMES = tuple(prefix.decode() for prefix in PREFIXES)
DEFAULT_PREFIX = b"2b"


def iterations(hashed: bytes | None, max_cost: int) -> int:
    """Return how many iterations verifying a hash takes: 2^cost, or 0 if it isn't computed.

    A malformed hash and a hash above `max_cost` are not computed.
    """
    cost = _native.hash_cost(hashed) if hashed else 0
    return 1 << cost if 0 < cost <= max_cost else 0
