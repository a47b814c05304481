"""Ask for a thousand items, at once."""

import sys

from bcrypt_batch import SharedChecker

path, hashed = sys.argv[1], bytes.fromhex(sys.argv[2])
with SharedChecker(path, when_away="raise") as checker:
    checker.hash_all_under([b"right"] * 1000, [hashed] * 1000)
