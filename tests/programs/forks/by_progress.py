"""Fork in the middle of a batch with as many workers as the argument says."""

from __future__ import annotations

import os
import sys

import bcrypt_batch
from tests.programs.forks.hashing import check_child
from tests.programs.process import end_child, wait_for_child

here = os.getpid()
workers = int(sys.argv[1])
children: list[int] = []


def progress(done: int, total: int) -> None:
    if done >= 20 and not children:
        children.append(os.fork())


result = bcrypt_batch.hash_many([b"pw"] * 100, cost=8, workers=workers, progress=progress)
done = [hashed for hashed in result.values if hashed]
assert len(done) + len(result.unprocessed) == 100
assert len(done) >= 20
assert bcrypt_batch.checkpw(b"pw", done[0])
assert bcrypt_batch.checkpw(b"pw", done[-1])
if os.getpid() == here:
    assert result.complete
    wait_for_child(children[0])
else:
    assert result.complete == (workers == 1)
    check_child()
    end_child()
