from __future__ import annotations

import os

import bcrypt_batch
from tests.programs.forks.hashing import check_child
from tests.programs.process import end_child, wait_for_child

here = os.getpid()
children: list[int] = []


def progress(done: int, total: int) -> None:
    if done >= 20 and not children:
        children.append(os.fork())
        if os.getpid() != here:
            raise KeyError


try:
    result = bcrypt_batch.hash_many([b"pw"] * 100, cost=8, workers=2, progress=progress)
except KeyError as error:
    assert os.getpid() != here
    values = error.batch_result.values  # type: ignore[attr-defined]
    done = [hashed for hashed in values if hashed]
    assert len(done) >= 20
    assert bcrypt_batch.checkpw(b"pw", done[-1])
    check_child()
    end_child()
assert result.complete
wait_for_child(children[0])
