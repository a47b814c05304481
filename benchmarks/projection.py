"""What the published durations would become if only the time of a hash changed: no measurement.

The published Rust figures, divided by how many times as many hashes a core should give:

- arm64 (Graviton2, Neoverse N1): the published 1885 ms at 1536 MB are 12.0 cycles a Blowfish round
  at 2.5 GHz (20 hashes of cost 10, 521 * 2049 + 192 encryptions of 16 rounds each, 0.868 vCPU).
  LLVM's model gives our kernel 4.47 with 3 instructions a cycle, 3.34 with the 4 of Arm's guide
  (ext/kernel/README.md).
- x86_64: 4.5 where a thread has its core to itself, as measured here on Zen 4. On Lambda a vCPU is
  half a core; where both halves hash, interleaving finds less to fill, and 2.4 is assumed.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks import costs
from benchmarks.tables import Table

RATIOS = {"arm64": (12.0 / 4.47, 12.0 / 3.34), "x86_64": (2.4, 4.5)}


def run(_: argparse.Namespace) -> int:
    """Print the projection as Markdown."""
    print(table().markdown())
    return 0


def published() -> dict[str, Any]:
    """Return the published figures."""
    content: dict[str, Any] = json.loads(Path(__file__).with_name("published.json").read_text())
    return content


def table() -> Table:
    """Return a row for each size, each projected figure from the cautious to the best."""
    rust = published()
    lines = []
    for i, memory_mb in enumerate(rust["memory_mb"]):
        line: list[Any] = [memory_mb]
        for architecture, ratios in RATIOS.items():
            duration_ms = rust["duration_ms"][architecture][i]
            projected = [duration_ms / ratio for ratio in ratios]
            usd = [costs.million_usd(architecture, memory_mb, ms) for ms in projected]
            line.append(duration_ms)
            line.append(" to ".join(f"{ms:.0f}" for ms in projected))
            line.append(" to ".join(f"{each:.2f}" for each in usd))
        lines.append(line)
    headings = ["MB"]
    for architecture in RATIOS:
        headings += [f"{architecture}: published Rust, ms", "projected, ms", "USD per million"]
    note = f"{rust['items']} hashes of cost {rust['cost']}. No measurement."
    return Table("Projection", headings, lines, note)
