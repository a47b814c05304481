"""Check passwords against stored values that are no hash, by Django's hashers and by ours."""

from __future__ import annotations

from typing import Any

from django.test.utils import override_settings

from tests.programs.logins.settings import OWN, hashers, ours


def answer(password: str, stored: str) -> object:
    try:
        return hashers.check_password(password, stored)
    except ValueError as error:
        return type(error)


made = hashers.make_password("x" * 72, hasher="bcrypt")
values = ["!", "", "!" + "x" * 40, made[8:], "bcrypt$$2b$05$", "bcrypt$!", "bcrypt_sha256$$2b$99$x"]
theirs: dict[str, Any] = {"PASSWORD_HASHERS": OWN}
for password in ("guess", "", "!", "x" * 72):
    for value in values:
        seen = answer(password, value)
        assert seen is not True, (password, value)
        with override_settings(**theirs):
            assert answer(password, value) == seen, (password, value, seen)
assert not hashers.check_password("", made)
ours.checker().close()
