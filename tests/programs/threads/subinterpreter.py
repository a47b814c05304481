"""Run the file that is the argument in a subinterpreter, between batches of the main one."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import bcrypt_batch


def use() -> None:
    assert all(bcrypt_batch.hash_many([b"pw"] * 4, cost=4, workers=2).values)


use()
try:
    interpreters = importlib.import_module("_interpreters")
except ImportError:
    interpreters = importlib.import_module("_xxsubinterpreters")
created = interpreters.create()
run = getattr(interpreters, "exec", None) or interpreters.run_string
run(created, Path(sys.argv[1]).read_text())
interpreters.destroy(created)
use()
