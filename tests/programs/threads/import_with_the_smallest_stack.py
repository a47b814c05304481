from __future__ import annotations

import threading

from tests.programs.process import use_smallest_stacks

done: list[bool] = []


def use() -> None:
    import bcrypt_batch

    assert all(bcrypt_batch.hash_many([b"pw"] * 40, cost=4, workers=3).values)
    assert bcrypt_batch.checkpw(b"pw", bcrypt_batch.hashpw(b"pw", bcrypt_batch.gensalt(4)))
    done.append(True)


use_smallest_stacks()
thread = threading.Thread(target=use)
thread.start()
thread.join()
assert done
