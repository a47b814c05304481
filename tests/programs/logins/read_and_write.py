"""Read what Django's own hashers write, and let them read what ours write."""

from __future__ import annotations

from django.test.utils import override_settings

from tests.programs.logins.settings import OWN, hashers, ours

for algorithm in ("bcrypt_sha256", "bcrypt"):
    for password in ("s3cret", "", "\u00e4\u20ac", "x" * (200 if algorithm != "bcrypt" else 72)):
        made = hashers.make_password(password, hasher=algorithm)
        assert made.startswith(algorithm + "$$2b$05$")
        assert type(hashers.get_hasher(algorithm)).__module__ == "bcrypt_batch.contrib.django"
        assert hashers.check_password(password, made)
        assert not hashers.check_password("guess", made)
        with override_settings(PASSWORD_HASHERS=OWN):
            assert type(hashers.get_hasher(algorithm)).__module__ != ours.__name__
            assert hashers.check_password(password, made)
            theirs = hashers.make_password(password, hasher=algorithm)
        assert hashers.check_password(password, theirs)
        assert not hashers.check_password("guess", theirs)
    assert hashers.get_hasher(algorithm).safe_summary(made)
assert ours.checker().stats().finished == 40, ours.checker().stats()
assert hashers.get_hasher("default").algorithm == "bcrypt_sha256"
ours.checker().close()
