"""Hash and check bcrypt passwords by the thousand, in OpenMP threads (on macOS in pthreads).

Passwords and hashes are `bytes`. `hash_many` and `verify_many` compute a whole batch without the
GIL, several passwords interleaved in each thread; one bad item never spoils a batch. `hashpw`,
`checkpw` and `gensalt` have the arguments, results and exceptions of pyca/bcrypt 5. A `Checker`
computes the single checks of many threads or coroutines together, a `SharedChecker` the single
checks of many processes.
"""

from .loading import load

load()

from .batch import hash_many, verify_many  # noqa: E402
from .kernels import Kernels, kernels  # noqa: E402
from .limits import (  # noqa: E402
    DEFAULT_COST,
    DEFAULT_MAX_COST,
    MAX_COST,
    MAX_LANES,
    MAX_PASSWORD_BYTES,
    MAX_WORKERS,
    MIN_COST,
    PREFIXES,
)
from .pool import start_workers, stop_workers  # noqa: E402
from .results import BatchResult, BatchStats, ItemError  # noqa: E402
from .single import checkpw, gensalt, hashpw  # noqa: E402
from .workers import worker_count  # noqa: E402

__version__ = "0.1.0"

# The module of each name that is imported only when it is first used.
_LATER = {
    "BcryptBatchError": "errors",
    "Checker": "checker",
    "CheckerAway": "errors",
    "CheckerClosed": "errors",
    "CheckerError": "errors",
    "CheckerFull": "errors",
    "CheckerStats": "checker",
    "CheckerTimeout": "errors",
    "CheckerWithoutThreads": "errors",
    "SharedChecker": "shared",
    "SharedCheckerStats": "shared",
}

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .checker import Checker, CheckerStats
    from .errors import (
        BcryptBatchError,
        CheckerAway,
        CheckerClosed,
        CheckerError,
        CheckerFull,
        CheckerTimeout,
        CheckerWithoutThreads,
    )
    from .shared import SharedChecker, SharedCheckerStats
else:

    def __getattr__(name):
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f".{_LATER[name]}", __name__), name)

    def __dir__():
        return sorted({*globals(), *_LATER})


__all__ = [
    "DEFAULT_COST",
    "DEFAULT_MAX_COST",
    "MAX_COST",
    "MAX_LANES",
    "MAX_PASSWORD_BYTES",
    "MAX_WORKERS",
    "MIN_COST",
    "PREFIXES",
    "BatchResult",
    "BatchStats",
    "BcryptBatchError",
    "Checker",
    "CheckerAway",
    "CheckerClosed",
    "CheckerError",
    "CheckerFull",
    "CheckerStats",
    "CheckerTimeout",
    "CheckerWithoutThreads",
    "ItemError",
    "Kernels",
    "SharedChecker",
    "SharedCheckerStats",
    "checkpw",
    "gensalt",
    "hash_many",
    "hashpw",
    "kernels",
    "start_workers",
    "stop_workers",
    "verify_many",
    "worker_count",
]
