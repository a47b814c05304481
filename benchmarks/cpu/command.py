"""Compare the command line with hash_many on the same passwords.

Reading, JSON and writing should take no visible time at cost 10, and little at cost 4. The command
line and hash_many take turns, so that disturbances affect both; best and median are of the turns.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import bcrypt_batch
from bcrypt_batch.tables.cli import main as command

COSTS = {4: 30_000, 10: 900}  # and how many rows


def library_rate(passwords: list[bytes], cost: int) -> float:
    """Return how many passwords a second hash_many hashes."""
    started = time.perf_counter()
    bcrypt_batch.hash_many(passwords, cost=cost)
    return len(passwords) / (time.perf_counter() - started)


def command_rate(file: Path, rows: int, cost: int) -> float:
    """Return how many rows a second the command hashes, including the time to open its files."""
    started = time.perf_counter()
    output = file.with_suffix(".jsonl")
    options = ["--output", str(output), "--cost", str(cost), "--force", "--quiet"]
    assert command(["hash", str(file), *options]) == 0
    return rows / (time.perf_counter() - started)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--turns", type=int, default=5)


def run(options: argparse.Namespace) -> int:
    """Print both rates and their ratio at each cost."""
    print("| cost | rows | hash_many: rows/s, best / median | command | ratio, best / median |")
    print("| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for cost, rows in COSTS.items():
            passwords = [b"password_%08d" % i for i in range(rows)]
            file = Path(folder) / "users.csv"
            lines = (b"user%d,%b\n" % (i, one) for i, one in enumerate(passwords))
            file.write_bytes(b"id,password\n" + b"".join(lines))
            ours, theirs = [], []
            for _ in range(options.turns):
                ours.append(library_rate(passwords, cost))
                theirs.append(command_rate(file, rows, cost))
            best = max(theirs) / max(ours)
            median = statistics.median(theirs) / statistics.median(ours)
            print(
                f"| {cost} | {rows:,} | {max(ours):,.0f} / {statistics.median(ours):,.0f} "
                f"| {max(theirs):,.0f} / {statistics.median(theirs):,.0f} "
                f"| {best:.3f} / {median:.3f} |",
                flush=True,
            )
    return 0
