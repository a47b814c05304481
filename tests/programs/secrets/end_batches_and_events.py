"""A batch step by step; then ones that end in every other way, and events with and without a fault.

The password comes first on standard input. The argument is the handler's folder.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any

import bcrypt_batch
from bcrypt_batch import _native
from tests.programs.secrets.reporting import report

sys.path.insert(0, sys.argv[1])

import app
from fields import InvalidEvent

password = sys.stdin.buffer.read(40)
sys.stdout = io.StringIO()  # the handler's log


class Context:
    aws_request_id = "1"

    def get_remaining_time_in_millis(self) -> int:
        return 9000


def fail(done: int, total: int) -> None:
    raise KeyError


def use(call: Callable[..., object], *arguments: Any, **options: Any) -> None:
    call(*arguments, **options)


def fails(error: type[Exception], call: Callable[..., object], *arguments: Any, **kw: Any) -> None:
    try:
        call(*arguments, **kw)
    except error as raised:
        raised.__traceback__ = None
    else:
        raise AssertionError("it raised nothing")


batch = _native.Batch(3)
batch.add_passwords([password] * 3, prefix=b"2b", cost=4, salts=bytes(48), truncate=True)
report("added")
batch.plan([(4, 2, 1), (4, 1, 1)], kernel=bcrypt_batch.kernels().chosen, workers=2)
batch.run(lambda: None, slice_ns=0)
report("computed")
del batch
salts = [bytes(16)] * 8
use(bcrypt_batch.hash_many, [password] * 8, cost=4, salts=salts, workers=2)
options: dict[str, Any] = {"cost": 16, "salts": salts, "workers": 2}
use(bcrypt_batch.hash_many, [password] * 8, deadline=0.05, **options)
use(bcrypt_batch.hashpw, password, b"$2b$04$" + b"." * 22)
fails(KeyError, bcrypt_batch.hash_many, [password] * 8, progress=fail, **options)
fails(TypeError, bcrypt_batch.hash_many, [password] * 7 + [5], cost=4, salts=salts)
hashes = [b"$2b$04$" + b"." * 53, b"$2b$31$" + b"." * 53, b"$2b$", None]
use(bcrypt_batch.verify_many, [password] * 4, hashes, max_cost=5)
text = password.hex()[:40]  # as an event can have it
use(app.handler, {"passwords": [text], "cost": 4}, Context())
late = {"passwords": [text] * 9, "cost": 16, "deadline_ms": 50, "partial": True}
use(app.handler, late, Context())
fails(InvalidEvent, app.handler, {"passwords": [text, 5]}, Context())
fails(InvalidEvent, app.handler, {"passwords": [text], "mode": text}, Context())
report("done")
