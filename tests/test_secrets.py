"""Secrets stay out of messages, and don't stay in memory that was ours."""

from __future__ import annotations

import errno
import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import bcrypt
import pytest

import bcrypt_batch
from emulator.runtime import HANDLER
from tests.eksblowfish import state_after
from tests.kernels import radix64_decode
from tests.processes import PROJECT, program

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
    assert "3 items, 2 errors, 0 unprocessed, 0 truncated" in repr(result)


@pytest.mark.parametrize("salt", [SECRET, b"$2b$04$" + SECRET])
def test_exceptions(salt: bytes) -> None:
    for call in (bcrypt_batch.hashpw, bcrypt_batch.checkpw):
        with pytest.raises(ValueError, match="Invalid salt") as caught:
            call(SECRET, salt)
        assert SECRET.decode() not in str(caught.value)


def as_words(text: bytes) -> bytes:
    """Return bytes as the kernel keeps them: as 32-bit words of a little-endian CPU."""
    return b"".join(text[i : i + 4][::-1] for i in range(0, len(text), 4))


def test_keys_and_digests_are_wiped() -> None:
    """Python holds neither in this form. The search is from outside, as a search leaves copies."""
    password = secrets.token_bytes(40)
    hashed = bcrypt.hashpw(password, b"$2b$04$" + b"." * 22)
    digest = radix64_decode(hashed[29:])[:20]
    sought = [as_words(text) for text in (password, password.hex()[:40].encode(), digest)]
    command = program("secrets/end_batches_and_events", HANDLER)
    found = {
        line: [words in memory for words in sought]
        for line, memory in memory_at_each_line(command, password)
    }
    assert found == {
        b"added\n": [True, False, False],
        b"computed\n": [True, False, True],
        b"done\n": [False, False, False],
    }


def test_cipher_states_are_wiped() -> None:
    """At the end of a group, and after an exception, a stop or a deadline has ended a batch."""
    password, salt = secrets.token_bytes(20), secrets.token_bytes(16)
    state = state_after(password, salt, iterations=16)
    # A part of the subkeys, the middle, and the end, in each lane.
    parts = [state[:64], state[2048:2112], state[-64:]]
    command = program("secrets/states_of_batches", password.hex(), salt.hex())
    lines = memory_at_each_line(command)
    found = {line: [memory.count(part) for part in parts] for line, memory in lines}
    assert found == {b"ended\n": [0] * 3, b"stopped\n": [3 * 3] * 3, b"gone\n": [0] * 3}


@pytest.mark.parametrize("mapping", ["[stack]", ""], ids=["main stack", "all memory"])
def test_no_part_of_a_digest_or_key_stays(mapping: str) -> None:
    """However a call ends: not where it was formatted, nor where registers were saved.

    The text of a digest is in the memory of Python's objects, but not on the caller's stack.
    """
    password = secrets.token_bytes(40)
    text = bcrypt.hashpw(password, b"$2b$04$" + b"." * 22)[29:]
    digest = radix64_decode(text)[:20]
    forms = {"bytes": digest, "words": as_words(digest), "key": as_words(password)}
    if mapping:
        forms["text"] = text
    parts = [(form, of[i : i + 8]) for form, of in forms.items() for i in range(0, len(of) - 7, 4)]
    found = {
        line: {form for form, part in parts if part in memory}
        for line, memory in memory_at_each_line(program("secrets/ways_out"), password, mapping)
        if mapping or line == b"coroutines\n"  # the last one, because freed memory stays
    }
    assert len(found) == (8 if mapping else 1)
    assert not any(found.values()), found


def memory_at_each_line(
    command: list[str], stdin: bytes = b"", mapping: str = ""
) -> Iterator[tuple[bytes, bytes]]:
    """Run a program; yield each line that it prints, and its memory then.

    The process gets `stdin`, and a further byte to go on after each line. It must succeed. If
    `mapping` is given, only the memory of that name is yielded.
    """
    with subprocess.Popen(
        command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin
        assert child.stdout
        child.stdin.write(stdin)
        child.stdin.flush()
        for line in child.stdout:
            yield line, writable_memory(child.pid, mapping)
            child.stdin.write(b" ")
            child.stdin.flush()
    assert child.returncode == 0


@contextmanager
def suppress_gone_mapping() -> Iterator[None]:
    """Pass over a mapping that was unmapped since it was listed, as an ended thread's stack is."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.EIO:
            raise


def writable_memory(pid: int, mapping: str = "") -> bytes:
    """Return a process's writable memory: all mappings in turn, or the one of a name."""
    content = []
    try:
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
            for line in maps:
                span, permissions, *_ = line.split()
                if permissions.startswith("rw") and line.rstrip().endswith(mapping):
                    start, end = (int(address, 16) for address in span.split("-"))
                    with suppress_gone_mapping():
                        content.append(os.pread(memory.fileno(), end - start, start))
    except PermissionError:
        pytest.skip("this system does not let a process read its child's memory")
    return b"".join(content)
