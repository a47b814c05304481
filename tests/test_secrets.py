"""Secrets stay out of messages, and out of memory that was ours."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys

import pytest

import bcrypt_batch

SECRET = b"correct-horse-battery-staple"


def test_reprs() -> None:
    hashed = bcrypt_batch.hashpw(SECRET, bcrypt_batch.gensalt(4))
    result = bcrypt_batch.verify_many(
        [SECRET, SECRET, SECRET * 3], [hashed, SECRET, hashed], truncate=False
    )
    made = bcrypt_batch.hash_many([SECRET], cost=4)
    shown = repr(result) + repr(made) + repr(result.stats) + repr(result.errors) + str(made)
    for secret in (SECRET, hashed, hashed[7:], made.values[0] or b""):
        assert secret.decode() not in shown
    assert "3 items, 2 errors, 0 unprocessed" in repr(result)


@pytest.mark.parametrize("salt", [SECRET, b"$2b$04$" + SECRET])
def test_exceptions(salt: bytes) -> None:
    for call in (bcrypt_batch.hashpw, bcrypt_batch.checkpw):
        with pytest.raises(ValueError, match="Invalid salt") as caught:
            call(SECRET, salt)
        assert SECRET.decode() not in str(caught.value)


CHILD = """
import sys
import bcrypt_batch
from bcrypt_batch import _native
password = sys.stdin.buffer.read(40)
batch = _native.Batch(3)
batch.add_passwords([password] * 3, prefix=b"2b", cost=4, salts=bytes(48), truncate=True)
print("added", flush=True)
sys.stdin.buffer.read(1)
batch.plan([(4, 2, 1), (4, 1, 1)], kernel=bcrypt_batch.kernels().chosen, workers=2)
batch.run(lambda: None, slice_ns=0)
del batch
bcrypt_batch.hash_many([password] * 8, cost=4, workers=2)
bcrypt_batch.hash_many([password] * 8, cost=16, workers=2, deadline=0.05)
bcrypt_batch.hashpw(password, b"$2b$04$" + b"." * 22)
print("done", flush=True)
sys.stdin.buffer.read(1)
"""


def test_keys_are_wiped() -> None:
    """The kernel keeps a key as 32-bit words: on a little-endian CPU, four bytes in reverse.

    Python never holds it so. Searched from outside, since a search leaves copies of its own.
    """
    password = secrets.token_bytes(40)
    words = b"".join(password[i : i + 4][::-1] for i in range(0, 40, 4))
    with subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin
        assert child.stdout
        child.stdin.write(password)
        child.stdin.flush()
        assert child.stdout.readline() == b"added\n"
        assert words in writable_memory(child.pid)
        child.stdin.write(b" ")
        child.stdin.flush()
        assert child.stdout.readline() == b"done\n"
        assert words not in writable_memory(child.pid)


def writable_memory(pid: int) -> bytes:
    """Return all memory that a process can write to, one mapping after another."""
    content = []
    try:
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
            for line in maps:
                span, permissions, *_ = line.split()
                if permissions.startswith("rw"):
                    start, end = (int(address, 16) for address in span.split("-"))
                    content.append(os.pread(memory.fileno(), end - start, start))
    except PermissionError:
        pytest.skip("this system does not let a process read its child's memory")
    return b"".join(content)
