"""Secrets stay out of messages, and out of memory that was ours."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest

import bcrypt_batch
from emulator.function import HANDLER
from tests.eksblowfish import state_after
from tests.kernels import radix64_decode

SECRET = b"correct-horse-battery-staple"
WAYS_OUT = Path(__file__).parent / "programs" / "ways_out.py"


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


# A batch step by step; then ones that end in every other way, and events with and without a fault.
CHILD = """
import io, os, sys
import bcrypt_batch
from bcrypt_batch import _native
import app
password = sys.stdin.buffer.read(40)
sys.stdout = io.StringIO()  # the handler's log
def report(what):
    os.write(1, what.encode() + b"\\n")
    sys.stdin.buffer.read(1)
def fail(done, total):
    raise KeyError
def ends(error, call, *arguments, **options):
    try:
        call(*arguments, **options)
    except error as raised:
        raised.__traceback__ = None
    else:
        assert error is None
batch = _native.Batch(3)
batch.add_passwords([password] * 3, prefix=b"2b", cost=4, salts=bytes(48), truncate=True)
report("added")
batch.plan([(4, 2, 1), (4, 1, 1)], kernel=bcrypt_batch.kernels().chosen, workers=2)
batch.run(lambda: None, slice_ns=0)
report("computed")
del batch
salts = [bytes(16)] * 8
ends(None, bcrypt_batch.hash_many, [password] * 8, cost=4, salts=salts, workers=2)
options = dict(cost=16, salts=salts, workers=2)
ends(None, bcrypt_batch.hash_many, [password] * 8, deadline=0.05, **options)
ends(None, bcrypt_batch.hashpw, password, b"$2b$04$" + b"." * 22)
ends(KeyError, bcrypt_batch.hash_many, [password] * 8, progress=fail, **options)
ends(TypeError, bcrypt_batch.hash_many, [password] * 7 + [5], cost=4, salts=salts)
hashes = [b"$2b$04$" + b"." * 53, b"$2b$31$" + b"." * 53, b"$2b$", None]
ends(None, bcrypt_batch.verify_many, [password] * 4, hashes, max_cost=5)
context = type("Context", (), {
    "aws_request_id": "1", "get_remaining_time_in_millis": lambda self: 9000})()
text = password.hex()[:40]  # as an event can have it
ends(None, app.handler, {"passwords": [text], "cost": 4}, context)
ends(None, app.handler, {"passwords": [text] * 9, "cost": 16, "deadline_ms": 50, "partial": True},
     context)
ends(app.InvalidEvent, app.handler, {"passwords": [text, 5]}, context)
ends(app.InvalidEvent, app.handler, {"passwords": [text], "mode": text}, context)
report("done")
"""


def as_words(text: bytes) -> bytes:
    """Return bytes as the kernel keeps them: as 32-bit words of a little-endian CPU."""
    return b"".join(text[i : i + 4][::-1] for i in range(0, len(text), 4))


def test_keys_and_digests_are_wiped() -> None:
    """Python holds neither so. Searched from outside, since a search leaves copies of its own."""
    password = secrets.token_bytes(40)
    hashed = bcrypt.hashpw(password, b"$2b$04$" + b"." * 22)
    digest = radix64_decode(hashed[29:])[:20]
    sought = [as_words(text) for text in (password, password.hex()[:40].encode(), digest)]
    code = f"import sys\nsys.path.insert(0, {str(HANDLER)!r})\n{CHILD}"
    found = {
        line: [words in memory for words in sought]
        for line, memory in memory_at_each_line(code, password)
    }
    assert found == {
        b"added\n": [True, False, False],
        b"computed\n": [True, False, True],
        b"done\n": [False, False, False],
    }


# The first batch ends by itself. Then three are stopped after their first look at the clock: after
# the first 16 of 2^31 iterations, and so in the state that the 16 of cost 4 end in.
STATES = """
import sys, time
import bcrypt_batch
from bcrypt_batch import _native
LANES = 3
def batch(cost, deadline_ns=None):
    made = _native.Batch(LANES, deadline_ns)
    made.add_passwords([PASSWORD] * LANES, prefix=b"2b", cost=cost, salts=SALT * LANES,
                       truncate=False)
    made.plan([(cost, LANES, 1)], kernel=bcrypt_batch.kernels().chosen, workers=1)
    return made
def report(what):
    print(what, flush=True)
    sys.stdin.buffer.read(1)
def ticker(tick):
    return lambda: ticks.append(1) or tick()
def fail():
    raise KeyError
ticks = []
ended = batch(4)
ended.run(lambda: None, slice_ns=0)
assert all(ended.hashes())
report("ended")
failed, stopped = batch(31), batch(31)
try:
    failed.run(ticker(fail), slice_ns=0)
except KeyError:
    pass
stopped.run(ticker(stopped.stop), slice_ns=0)
deadline_ns = time.monotonic_ns() + 300_000_000
late = batch(31, deadline_ns)
late.run(ticker(lambda: time.sleep(max(0, deadline_ns - time.monotonic_ns()) / 1e9)), slice_ns=0)
assert len(ticks) == 3
report("stopped")
del failed, stopped, late
report("gone")
"""


def test_cipher_states_are_wiped() -> None:
    """At the end of a group, and with a batch that an exception, a stop or a deadline has ended."""
    password, salt = secrets.token_bytes(20), secrets.token_bytes(16)
    state = state_after(password, salt, iterations=16)
    # A part of the subkeys, the middle, and the end, in each lane.
    parts = [state[:64], state[2048:2112], state[-64:]]
    code = f"PASSWORD, SALT = {password!r}, {salt!r}\n{STATES}"
    found = {
        line: [memory.count(part) for part in parts] for line, memory in memory_at_each_line(code)
    }
    assert found == {b"ended\n": [0] * 3, b"stopped\n": [3 * 3] * 3, b"gone\n": [0] * 3}


@pytest.mark.parametrize("mapping", ["[stack]", ""], ids=["main stack", "all memory"])
def test_no_part_of_a_digest_or_key_stays(mapping: str) -> None:
    """In whichever way a call ends: nor where it was formatted, nor where registers were saved.

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
        for line, memory in memory_at_each_line(WAYS_OUT.read_text(), password, mapping)
        if mapping or line == b"coroutines\n"  # the last: what is freed stays
    }
    assert len(found) == (8 if mapping else 1)
    assert not any(found.values()), found


def memory_at_each_line(
    code: str, stdin: bytes = b"", mapping: str = ""
) -> Iterator[tuple[bytes, bytes]]:
    """Run Python code in a process; yield each line that it prints, and its memory then.

    It gets `stdin`, and another byte when it may go on after a line. It must end well. Of its
    memory, only the mapping of this name is yielded if there is one.
    """
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
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


def writable_memory(pid: int, mapping: str = "") -> bytes:
    """Return all memory that a process can write to, one mapping after another, or one of them."""
    content = []
    try:
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
            for line in maps:
                span, permissions, *_ = line.split()
                if permissions.startswith("rw") and line.rstrip().endswith(mapping):
                    start, end = (int(address, 16) for address in span.split("-"))
                    content.append(os.pread(memory.fileno(), end - start, start))
    except PermissionError:
        pytest.skip("this system does not let a process read its child's memory")
    return b"".join(content)
