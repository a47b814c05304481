"""Check a password with a server that this process starts, without some standard streams.

Arguments: the socket's path, a hash, and the descriptors to close.
"""

import os
import sys

from bcrypt_batch import SharedChecker

path, hashed = sys.argv[1], bytes.fromhex(sys.argv[2])
for descriptor in map(int, sys.argv[3:]):
    os.close(descriptor)
with SharedChecker(path, start=True, when_away="raise") as checker:
    answer = checker.check(b"right", hashed)
os._exit(0 if answer else 1)
