"""A WSGI application; AT_IMPORT is what its server's parent does: "hash", "start" or "log in"."""

from __future__ import annotations

import json
import os
from typing import Any

import bcrypt_batch

if os.environ["AT_IMPORT"] == "start":
    bcrypt_batch.start_workers(2)
known = [
    hashed or b""
    for hashed in bcrypt_batch.hash_many([b"%d" % i for i in range(8)], cost=4, workers=2).values
]
checker = bcrypt_batch.Checker(workers=2)  # its threads are made at its first call
if os.environ["AT_IMPORT"] == "log in":
    assert checker.check(b"0", known[0])


def application(environ: object, start_response: Any) -> list[bytes]:
    assert [checker.check(b"%d" % i, known[3]) for i in range(2, 5)] == [False, True, False]
    stats = bcrypt_batch.hash_many([b"pw"] * 20, cost=6, workers=2).stats
    checked = bcrypt_batch.verify_many([b"%d" % i for i in range(8)], known, workers=2).values
    start_response("200 OK", [("Content-Type", "application/json")])
    answer = {
        "pid": os.getpid(),
        "checked": checked,
        "workers": stats.workers,
        "threads": len(os.listdir("/proc/self/task")),
    }
    return [json.dumps(answer).encode()]
