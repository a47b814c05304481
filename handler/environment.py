"""What the function's environment variables say."""

from __future__ import annotations

from bcrypt_batch import MAX_WORKERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def asked_workers(environ: Mapping[str, str]) -> int | None:
    """Return the number of threads that `WORKER_COUNT` asks for; None where it is unset or empty.

    The name belongs to the handler, which is alone in its process; the library, which is not, reads
    `BCRYPT_BATCH_WORKERS`.

    Raises:
        ValueError: It is not a whole number from 1 to 1024.
    """
    asked = environ.get("WORKER_COUNT")
    if not asked:  # a template's empty parameter is as good as none
        return None
    whole = asked.isascii() and asked.isdigit() and len(asked) < 20
    if not (whole and 1 <= int(asked) <= MAX_WORKERS):
        raise ValueError(
            f"WORKER_COUNT must be a whole number from 1 to {MAX_WORKERS}, not {asked[:40]!r}; "
            "leave it empty to have the number follow the memory size"
        )
    return int(asked)
