"""Leave batches by an exception, beside as many kept workers as the argument says."""

from __future__ import annotations

import sys
import time

import bcrypt_batch
from bcrypt_batch import run

bcrypt_batch.start_workers(int(sys.argv[1]))
run.TICK_NS = 1_000_000


def progress(done: int, total: int) -> None:
    raise KeyError


for _ in range(60):
    try:
        bcrypt_batch.hash_many([b"pw"] * 400, cost=4, workers=2, lanes=1, progress=progress)
    except KeyError as error:
        trace = error.__traceback__
        while trace and (
            "run" not in trace.tb_frame.f_locals or trace.tb_frame.f_code.co_name != "hash_many"
        ):
            trace = trace.tb_next
        assert trace
        batch = trace.tb_frame.f_locals["run"].batch
        at_once = batch.items_done
        time.sleep(0.002)
        assert batch.items_done == at_once
        values = error.batch_result.values  # type: ignore[attr-defined]
        assert len([value for value in values if value]) == at_once
