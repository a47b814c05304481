"""Sign in by Django's hashers and a hasher of docs/schemes.md; see tests/tables/test_wrap.py.

The argument is a JSON list of the hasher's source, and of pairs of a password and what is stored.
"""

from __future__ import annotations

import json
import sys
import types

from django.conf import settings

source, pairs = json.loads(sys.argv[1])
names = ["django.contrib.auth.hashers.BCryptSHA256PasswordHasher", "login.WrappedMD5PasswordHasher"]
settings.configure(PASSWORD_HASHERS=names)

from django.contrib.auth import hashers  # noqa: E402

hashers.BCryptSHA256PasswordHasher.rounds = 4
module = sys.modules["login"] = types.ModuleType("login")
exec(source, vars(module))

for password, stored in pairs:
    later: list[str] = []
    right = hashers.check_password(
        password, stored, lambda raw, later=later: later.append(hashers.make_password(raw))
    )
    assert not right or hashers.check_password(password, later[0])
    print(json.dumps(later[0] if right else None))
