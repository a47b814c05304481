"""One item at a time, with the signatures, results and exceptions of pyca/bcrypt 5."""

from __future__ import annotations

import os
from _operator import index  # see checks.py

from . import _native
from .checks import check_bytes, shown
from .frames import forgetful
from .limits import (
    DEFAULT_COST,
    DEFAULT_PREFIX,
    MAX_COST,
    MAX_PASSWORD_BYTES,
    MIN_COST,
    SALT_BYTES,
)

ENCODED_SALT_CHARS = 22


def gensalt(rounds: int = DEFAULT_COST, prefix: bytes | None = DEFAULT_PREFIX) -> bytes:
    """Return a new random setting, `$2b$12$` and 22 characters, for `hashpw`.

    Args:
        rounds: The cost, 4 to 31: the logarithm of the number of iterations.
        prefix: b"2a" or b"2b"; None means b"2b".

    Raises:
        TypeError: `rounds` isn't an integer or `prefix` isn't bytes.
        OverflowError: `rounds` is negative or above 65535.
        ValueError: `rounds` is another number outside 4 to 31, or `prefix` is another value.
    """
    rounds = index(rounds)
    if not 0 <= rounds <= 0xFFFF:
        raise OverflowError(f"rounds must be from 4 to 31, not {shown(rounds)}")
    if prefix is None:
        prefix = DEFAULT_PREFIX
    check_bytes("prefix", prefix)
    prefix = bytes(prefix)
    if prefix not in (b"2a", b"2b"):
        raise ValueError("Supported prefixes are b'2a' or b'2b'")
    if not MIN_COST <= rounds <= MAX_COST:
        raise ValueError("Invalid rounds")
    return _native.make_setting(prefix, rounds, os.urandom(SALT_BYTES))


@forgetful
def hashpw(password: bytes, salt: bytes) -> bytes:
    """Return the 60-byte hash of a password under a setting, or under an earlier hash.

    The one difference from pyca/bcrypt: a `2x` setting is computed with that prefix's
    sign-extension bug, as libxcrypt does.

    Args:
        password: At most 72 bytes; NUL bytes are allowed.
        salt: A setting from `gensalt`, or a hash whose setting is used.

    Raises:
        TypeError: An argument is not bytes.
        ValueError: The password is too long, or the setting malformed.
    """
    check_password(password)
    check_bytes("salt", salt)
    return _native.hash_one(bytes(password), canonical_setting(salt))


@forgetful
def checkpw(password: bytes, hashed_password: bytes) -> bool:
    """Return whether a password has this hash; comparing takes the same time for any hash.

    Raises as `hashpw` does.
    """
    check_bytes("password", password)
    check_bytes("hashed_password", hashed_password)
    return _native.equal(hashpw(password, hashed_password), bytes(hashed_password))


def check_password(password: bytes) -> None:
    """Raise TypeError unless a password is bytes, ValueError if it is too long."""
    check_bytes("password", password)
    if len(password) > MAX_PASSWORD_BYTES:
        raise ValueError(
            "password cannot be longer than 72 bytes, truncate manually if necessary "
            "(e.g. my_password[:72])"
        )


def canonical_setting(salt: bytes) -> bytes:
    """Return the 29-byte form of a setting that pyca/bcrypt would accept.

    pyca/bcrypt accepts empty fields, a cost written "4", "+4" or "004", and any text after the 22nd
    character of the salt.
    """
    fields = [field for field in salt.split(b"$") if field]
    if len(fields) == 3:
        prefix, cost, rest = fields
        digits = cost.removeprefix(b"+").lstrip(b"0")
        if digits.isdigit() and len(digits) <= 2 and len(prefix) == 2:
            setting = b"$%b$%02d$%b" % (prefix, int(digits), rest[:ENCODED_SALT_CHARS])
            if _native.is_setting(setting):
                return setting
    raise ValueError("Invalid salt")
