"""Django's bcrypt password hashers, computed together by one checker.

In PASSWORD_HASHERS they replace Django's hashers of the same names. They store the same texts as
Django's hashers, so a project can change in both directions. The setting BCRYPT_BATCH_CHECKER may
be a dictionary of arguments for a `Checker`, which computes for all requests of the process. If it
has "socket", the path of a server, its arguments are for a `SharedChecker`, whose server computes
for all processes.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import hashers

from bcrypt_batch import Checker, SharedChecker, gensalt
from bcrypt_batch.frames import forgetful

_shared: dict[str, Checker | SharedChecker] = {}


def checker() -> Checker | SharedChecker:
    """Return the checker that the hashers share, to read its `stats` or to `close` it."""
    try:
        return _shared["checker"]
    except KeyError:
        # No lock, because a fork could leave it locked in the child for good. If two threads make
        # a checker at once, one checker is kept; the other has no threads to end.
        options = dict(getattr(settings, "BCRYPT_BATCH_CHECKER", {}))
        path = options.pop("socket", None)
        made = Checker(**options) if path is None else SharedChecker(path, **options)
        return _shared.setdefault("checker", made)


class _Library:
    """The functions of pyca/bcrypt that Django's hashers call."""

    gensalt = staticmethod(gensalt)

    @staticmethod
    @forgetful
    def hashpw(password: bytes, salt: bytes) -> bytes:
        return checker().hash_under(password, salt)


class BCryptSHA256PasswordHasher(hashers.BCryptSHA256PasswordHasher):  # type: ignore[misc]
    """Django's hasher of this name, for passwords of any length: bcrypt gets a SHA-256 digest."""

    def _load_library(self) -> type[_Library]:
        return _Library


class BCryptPasswordHasher(hashers.BCryptPasswordHasher):  # type: ignore[misc]
    """Django's hasher of this name, for passwords up to 72 bytes."""

    def _load_library(self) -> type[_Library]:
        return _Library
