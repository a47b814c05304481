from __future__ import annotations

import gc
import warnings

import bcrypt_batch
from tests.programs.process import count_threads, start_a_first_thread

start_a_first_thread()
before = count_threads()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    checker = bcrypt_batch.Checker(workers=2)
    del checker
    gc.collect()
    assert not caught
    checker = bcrypt_batch.Checker(workers=2)
    checker.hash(b"pw", cost=4)
    name = repr(checker)
    del checker
    gc.collect()
    assert [(str(w.message), w.category) for w in caught] == [(f"unclosed {name}", ResourceWarning)]
    caught.clear()  # the caught warning refers to the checker
    gc.collect()
assert count_threads() == before
