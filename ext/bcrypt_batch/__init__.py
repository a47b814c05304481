"""Hash and check bcrypt passwords by the thousand, in OpenMP threads.

Passwords and hashes are `bytes`. `hash_many` and `verify_many` compute a whole batch without the
GIL, several passwords interleaved in each thread; one bad item never spoils a batch. `hashpw`,
`checkpw` and `gensalt` are those of pyca/bcrypt 5.
"""

import os

# libgomp reads its settings once, when the extension loads it. Unless told otherwise its threads
# spin for a while after each batch; under a CPU quota, as on Lambda, that time is taken from the
# next one. The setting is for our libgomp only, not for the programs that this one starts.
_inherited = os.environ.get("GOMP_SPINCOUNT")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

from .batch import Kernels, hash_many, kernels, verify_many  # noqa: E402
from .results import BatchResult, BatchStats, ItemError  # noqa: E402
from .single import checkpw, gensalt, hashpw  # noqa: E402
from .workers import start_workers, worker_count  # noqa: E402

if _inherited is None:
    del os.environ["GOMP_SPINCOUNT"]

__version__ = "0.1.0"

__all__ = [
    "BatchResult",
    "BatchStats",
    "ItemError",
    "Kernels",
    "checkpw",
    "gensalt",
    "hash_many",
    "hashpw",
    "kernels",
    "start_workers",
    "verify_many",
    "worker_count",
]
