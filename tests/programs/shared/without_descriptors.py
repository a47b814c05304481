"""Check passwords while the process may open no more files, and again when it may."""

import asyncio
import os
import sys

from bcrypt_batch import CheckerAway, SharedChecker

path, hashed = sys.argv[1], bytes.fromhex(sys.argv[2])
here, checker = SharedChecker(path), SharedChecker(path, when_away="raise")
assert here.check(b"right", hashed)
assert here.stats().computed_here == 0
loop = asyncio.new_event_loop()
held = []
try:
    while True:
        held.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    pass
assert here.check(b"right", hashed)
for call in (checker.check, lambda *a: loop.run_until_complete(checker.check_async(*a))):
    try:
        call(b"right", hashed)
        raise AssertionError("there was a descriptor")
    except CheckerAway as error:
        assert "Too many open files" in str(error), error
for descriptor in held:
    os.close(descriptor)
assert here.stats().computed_here == 1
assert checker.check(b"right", hashed)
loop.close()
here.close()
