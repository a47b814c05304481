"""Print that a batch of minutes computes; arguments: its workers, "handled" to handle signals."""

from __future__ import annotations

import signal
import sys

import bcrypt_batch


def progress(done: int, total: int) -> None:
    print("computing", flush=True)


def leave(*_: object) -> None:
    sys.exit(7)


if sys.argv[2:] == ["handled"]:
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)
try:
    bcrypt_batch.hash_many([b"pw"] * 40, cost=17, workers=int(sys.argv[1]), progress=progress)
except SystemExit as leaving:
    result = leaving.batch_result  # type: ignore[attr-defined]
    done = [value for value in result.values if value]
    assert len(result.values) == len(done) + len(result.unprocessed) == 40
    print("left")
    raise
