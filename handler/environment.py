"""Read the function's environment variables."""

from __future__ import annotations

from bcrypt_batch import MAX_WORKERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def asked_workers(environ: Mapping[str, str]) -> int | None:
    """Return the number of threads that `WORKER_COUNT` asks for; None if it is unset or empty.

    Only the handler reads this name, because it has a process of its own. The library, which
    shares a process with others, reads `BCRYPT_BATCH_WORKERS`.

    Raises:
        ValueError: The variable is not a whole number from 1 to 1024.
    """
    asked = environ.get("WORKER_COUNT")
    if not asked:  # a template passes an unset parameter as an empty value
        return None
    whole = asked.isascii() and asked.isdigit() and len(asked) < 20
    if not (whole and 1 <= int(asked) <= MAX_WORKERS):
        raise ValueError(
            f"WORKER_COUNT must be a whole number from 1 to {MAX_WORKERS}, not {asked[:40]!r}; "
            "leave it empty to let the number follow the memory size"
        )
    return int(asked)


def processes(environ: Mapping[str, str]) -> int:
    """Return how many processes the environment has: several only on Managed Instances."""
    number = environ.get("AWS_LAMBDA_MAX_CONCURRENCY", "")
    return int(number) if number.isascii() and number.isdigit() else 1
