"""Share the CPUs of a Managed Instance's environment: one server computes for all its processes.

The runtime client starts AWS_LAMBDA_MAX_CONCURRENCY processes, each of which handles one event at a
time; all processes share /tmp. The logins of many processes fill the lanes of the server's threads.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress

from bcrypt_batch import (
    DEFAULT_MAX_COST,
    MIN_COST,
    CheckerError,
    SharedChecker,
    batch,
    shared_batch,
    worker_count,
)
from bcrypt_batch.workers import VARIABLE, server_worker_count
from environment import asked_workers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from typing import Any

    from bcrypt_batch import BatchResult
    from request import Request

SOCKET = "bcrypt-batch.sock"


class Sharing:
    """The server of this environment.

    Attributes:
        workers: The number of its threads: `WORKER_COUNT`, else all CPUs of the environment.
    """

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        asked = asked_workers(environ)
        self._own_workers = worker_count()  # the share of this process, if it computes
        if asked is not None:
            environ[VARIABLE] = str(asked)  # the server reads the variable of the library
        self.workers = server_worker_count()
        path = os.path.join(environ.get("TMPDIR", "/tmp"), SOCKET)
        # "raise": the checker itself would compute one item after the other; a batch fills lanes.
        self._checker = SharedChecker(path, start=True, when_away="raise", when_full="wait")
        with suppress(CheckerError):
            self._checker.hash(b"", cost=MIN_COST)  # starts the server before a request needs it

    def takes(self, request: Request) -> bool:
        """Return whether the server computes a request; workers, lanes or a scheme prevent it."""
        cost = request.cost if request.hashes is None else request.max_cost
        return (
            request.mode == "parallel"
            and (request.workers, request.lanes) == (self.workers, None)
            and cost <= DEFAULT_MAX_COST
            and request.scheme is None
        )

    def hash_or_verify(
        self, passwords: Any, hashes: Any, *, deadline: float, **options: Any
    ) -> BatchResult[Any]:
        """Compute a request; in this process if the server refuses or is away.

        Args:
            passwords: As for `batch.hash_or_verify`.
            hashes: As for `batch.hash_or_verify`.
            deadline: Seconds.
            options: As for `shared_batch.hash_or_verify`.
        """
        began = time.monotonic()
        with suppress(CheckerError):
            return shared_batch.hash_or_verify(
                self._checker, passwords, hashes, deadline=deadline, **options
            )
        left = max(0.0, began + deadline - time.monotonic())
        workers = self._own_workers
        return batch.hash_or_verify(passwords, hashes, deadline=left, workers=workers, **options)
