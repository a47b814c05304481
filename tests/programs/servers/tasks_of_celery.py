"""Start a worker of Celery with four processes, and let them check 32 passwords.

The argument is the folder of tasks.py.
"""

from __future__ import annotations

import os
import subprocess
import sys

import bcrypt_batch

os.chdir(sys.argv[1])
sys.path.insert(0, sys.argv[1])
import tasks  # type: ignore[import-not-found]  # noqa: E402

PATIENCE_S = 150
WORKER = ["-m", "celery", "--app", "tasks", "worker", "--concurrency", "4", "--loglevel", "error"]
QUICK = ["--without-mingle", "--without-gossip", "--without-heartbeat"]

hashed = bcrypt_batch.hashpw(b"right", b"$2b$08$" + b"." * 22).decode()
asked = [tasks.is_right.delay("right" if i % 2 else "wrong", hashed) for i in range(32)]
with subprocess.Popen([sys.executable, *WORKER, *QUICK], stdout=subprocess.DEVNULL) as worker:
    try:
        answers = [one.get(timeout=PATIENCE_S, interval=0.05) for one in asked]
    finally:
        worker.terminate()
assert answers == [False, True] * 16, answers
