"""Django with the settings in the argument, as JSON, and hashers of cost 5."""

from __future__ import annotations

import json
import sys

import django
from django.conf import settings

settings.configure(**json.loads(sys.argv[1]))
django.setup()

from django.contrib.auth import hashers  # noqa: E402

from bcrypt_batch.contrib import django as ours  # noqa: E402

__all__ = ["OWN", "hashers", "ours"]

OWN = [
    "django.contrib.auth.hashers.BCryptSHA256PasswordHasher",
    "django.contrib.auth.hashers.BCryptPasswordHasher",
]
ours.BCryptSHA256PasswordHasher.rounds = 5
ours.BCryptPasswordHasher.rounds = 5
hashers.BCryptSHA256PasswordHasher.rounds = 5
hashers.BCryptPasswordHasher.rounds = 5
