"""Django's bcrypt password hashers, computed by one `Checker` for all requests of a process.

In PASSWORD_HASHERS they take the place of Django's own of the same name: what is in the database
is theirs, in both directions. BCRYPT_BATCH_CHECKER in the settings may be a dictionary of arguments
of `Checker`.
"""

from __future__ import annotations

import threading

from django.conf import settings
from django.contrib.auth import hashers

from bcrypt_batch import Checker, gensalt

_lock = threading.Lock()
_checker: Checker | None = None


def checker() -> Checker:
    """Return the one that the hashers share, for its `stats`, or to `close` it."""
    global _checker
    with _lock:
        if _checker is None:
            _checker = Checker(**getattr(settings, "BCRYPT_BATCH_CHECKER", {}))
        return _checker


class _Library:
    """What Django's hashers use of pyca/bcrypt."""

    gensalt = staticmethod(gensalt)

    @staticmethod
    def hashpw(password: bytes, salt: bytes) -> bytes:
        return checker().hash_under(password, salt)


class BCryptSHA256PasswordHasher(hashers.BCryptSHA256PasswordHasher):  # type: ignore[misc]
    """Django's of this name: of passwords of any length, their SHA-256 digests."""

    def _load_library(self) -> type[_Library]:
        return _Library


class BCryptPasswordHasher(hashers.BCryptPasswordHasher):  # type: ignore[misc]
    """Django's of this name: of passwords up to 72 bytes."""

    def _load_library(self) -> type[_Library]:
        return _Library
