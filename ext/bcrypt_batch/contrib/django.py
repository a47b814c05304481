"""Django's bcrypt password hashers, computed together by one checker.

In PASSWORD_HASHERS they take the place of Django's own of the same name: what is in the database
is theirs, in both directions. BCRYPT_BATCH_CHECKER in the settings may be a dictionary of arguments
of `Checker`, which computes for all requests of the process; or, with "socket", the path of a
server, of `SharedChecker`, which has it compute for all processes.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import hashers

from bcrypt_batch import Checker, SharedChecker, gensalt
from bcrypt_batch.frames import forgetful

_shared: dict[str, Checker | SharedChecker] = {}


def checker() -> Checker | SharedChecker:
    """Return the one that the hashers share, for its `stats`, or to `close` it."""
    try:
        return _shared["checker"]
    except KeyError:
        # No lock, which a fork could leave locked in the child for good. Of two that are made at
        # once one is kept; neither has threads yet.
        options = dict(getattr(settings, "BCRYPT_BATCH_CHECKER", {}))
        path = options.pop("socket", None)
        made = Checker(**options) if path is None else SharedChecker(path, **options)
        return _shared.setdefault("checker", made)


class _Library:
    """What Django's hashers use of pyca/bcrypt."""

    gensalt = staticmethod(gensalt)

    @staticmethod
    @forgetful
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
