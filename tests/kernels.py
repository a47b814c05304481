"""Reach the extension directly, to force a kernel and a lane count, and read the vectors."""

from __future__ import annotations

import json
from pathlib import Path

from bcrypt_batch import _native

MAX_LANES = _native.MAX_LANES
FOREVER_NS = 1 << 60

Vector = tuple[bytes, bytes]  # a password and its hash


def vectors() -> list[Vector]:
    """Every known answer in tests/vectors."""
    found = []
    for path in sorted((Path(__file__).parent / "vectors").glob("*.json")):
        for vector in json.loads(path.read_text())["vectors"]:
            found.append((bytes.fromhex(vector["password_hex"]), vector["hash"].encode()))
    return found


def compute(kernel: str, lanes: int, items: list[Vector]) -> list[bytes]:
    """Hash passwords under settings or hashes, in groups of exactly `lanes` as far as they go."""
    batch = _native.Batch(len(items))
    of_cost: dict[int, list[int]] = {}
    for i, (password, setting) in enumerate(items):
        of_cost.setdefault(batch.add(password, setting), []).append(i)
    groups = [
        members[i : i + lanes]
        for members in of_cost.values()
        for i in range(0, len(members), lanes)
    ]
    batch.plan(groups, kernel=kernel, workers=1)
    assert batch.run_for(FOREVER_NS)
    return [batch.hash(i) for i in range(len(items))]
