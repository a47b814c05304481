"""Check a password, in a process that starts the server if no other process has."""

import sys

from bcrypt_batch import SharedChecker

path, hashed = sys.argv[1], bytes.fromhex(sys.argv[2])
with SharedChecker(path, start=True, when_away="raise") as checker:
    assert checker.check(b"right", hashed)
    assert not checker.check(b"wrong", hashed)
