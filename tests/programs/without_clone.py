"""Ask for threads under a seccomp filter that answers clone and clone3 with the errno argv[1].

As container runtimes do that don't know clone3. Source: seccomp(2).
"""

from __future__ import annotations

import ctypes
import platform
import struct
import sys
import warnings

import bcrypt_batch

PR_SET_SECCOMP, SECCOMP_MODE_FILTER, PR_SET_NO_NEW_PRIVS = 22, 2, 38
LOAD_NUMBER, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ANSWER_ERRNO = 0x7FFF0000, 0x00050000
CLONE = {"x86_64": 56, "aarch64": 220}[platform.machine()]
CLONE3 = 435

instructions = [
    (LOAD_NUMBER, 0, 0, 0),
    (JUMP_IF_EQUAL, 1, 0, CLONE),
    (JUMP_IF_EQUAL, 0, 1, CLONE3),
    (RETURN, 0, 0, ANSWER_ERRNO | int(sys.argv[1])),
    (RETURN, 0, 0, ALLOW),
]
code = b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)
filters = ctypes.create_string_buffer(code)
program = ctypes.create_string_buffer(
    struct.pack("@HP", len(instructions), ctypes.addressof(filters))
)
libc = ctypes.CDLL(None)
libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0) != 0:
    sys.exit(print("no seccomp"))

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    assert all(bcrypt_batch.hash_many([b"pw"] * 20, cost=4, workers=2).values)
    assert bcrypt_batch.start_workers(2) == 1
for warning in caught:
    print(warning.message)
try:
    bcrypt_batch.Checker(workers=2).hash(b"pw", cost=4)
except bcrypt_batch.CheckerWithoutThreads as error:
    print(error)
