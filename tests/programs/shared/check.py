"""Check a password in some threads; None of the calls may go without the server."""

import sys
from concurrent.futures import ThreadPoolExecutor

from bcrypt_batch import SharedChecker, checkpw

path, hashed = sys.argv[1], bytes.fromhex(sys.argv[2])
calls = int(sys.argv[3]) if sys.argv[3:] else 1
expected = checkpw(b"right", hashed)
with SharedChecker(path, when_away="raise") as checker, ThreadPoolExecutor(calls) as threads:
    for answer in threads.map(checker.check, [b"right"] * calls, [hashed] * calls):
        assert answer is expected
