"""Fork while the shared checker is made, as another thread's fork would find it."""

from __future__ import annotations

import os
import threading
from typing import Any

from tests.programs.logins.settings import hashers, ours

real = ours.Checker  # type: ignore[attr-defined]
forked: list[None] = []
ended = threading.Event()


def made_slowly(**options: Any) -> Any:
    if not forked:
        forked.append(None)
        if not (pid := os.fork()):
            threading.Thread(target=login).start()  # the child's own threads log in
            os._exit(0 if ended.wait(30) else 1)
        assert os.waitpid(pid, 0)[1] == 0
    return real(**options)


def login() -> None:
    assert hashers.check_password("x", hashers.make_password("x"))
    ended.set()


ours.Checker = made_slowly  # type: ignore[attr-defined,assignment]
login()
ours.checker().close()
