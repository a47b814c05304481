"""Reach the extension directly, to force a kernel and a lane count, and read the vectors."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from bcrypt_batch import _native

LINUX = sys.platform == "linux"

MAX_LANES = _native.MAX_LANES
FOREVER_NS = 1_000_000_000

WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-pedantic", "-Werror"]

# For the C without Python. `make musl` sets musl-gcc, which has no OpenMP, as Apple's has none.
COMPILER = os.environ.get("COMPILER", "gcc" if LINUX else "cc")
OPENMP = ["-fopenmp"] if COMPILER == "gcc" else []
# The engine's flags: as setup.py has them, and on Linux also for what the engine does on macOS.
ENGINES = {"as here": OPENMP}
if LINUX:
    ENGINES["as macOS"] = ["-include", f"{Path(__file__).parent}/as_macos.h"]

# Takes a compiler and a level of optimisation; returns the folder of the objects.
CompileKernel = Callable[[str, str], Path]

Vector = tuple[bytes, bytes]  # a password and its hash


def vectors() -> list[Vector]:
    """The known answers in tests/vectors, without implementations.json, which has wrong ones."""
    found = []
    for name in ("known_answers", "published"):
        text = (Path(__file__).parent / f"vectors/{name}.json").read_text()
        for vector in json.loads(text)["vectors"]:
            found.append((bytes.fromhex(vector["password_hex"]), vector["hash"].encode()))
    return found


def radix64_decode(text: bytes) -> bytes:
    """Decode a salt's 22 characters or a digest's 31: base64 with another alphabet."""
    ours = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    usual = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    padding = b"=" * (-len(text) % 4)
    return base64.b64decode(text.translate(bytes.maketrans(ours, usual)) + padding)


def driver_input(items: list[Vector]) -> str:
    """Return the input of kernel_driver.c."""
    return "".join(f"{password.hex() or '-'} {hashed.decode()}\n" for password, hashed in items)


def compute(
    kernel: str, lanes: int, items: list[Vector], slice_ns: int = FOREVER_NS
) -> list[bytes]:
    """Hash passwords under hashes, in groups of exactly `lanes` except for the last."""
    batch = planned([password for password, _ in items], [h for _, h in items], kernel, lanes)
    batch.run(lambda: None, slice_ns=slice_ns)
    return [hashed for hashed in batch.hashes() if hashed]


def planned(passwords: list[bytes], hashes: list[bytes], kernel: str, lanes: int) -> _native.Batch:
    """Make a batch of these items for one worker."""
    batch = _native.Batch(len(passwords))
    batch.add_hashes([*passwords], [*hashes], max_cost=31, truncate=True)
    cuts = []
    for cost, count in batch.costs.items():
        full, rest = divmod(count, lanes)
        cuts += [(cost, lanes, full), (cost, rest, 1)] if rest else [(cost, lanes, full)]
    batch.plan(cuts, kernel=kernel, workers=1)
    return batch
