"""Load the extension and libgomp without the OpenMP settings of the environment.

libgomp reads the settings once, when it is loaded. Settings meant for other libraries could pin
this thread and all its later threads to one CPU (OMP_PROC_BIND), or give our threads stacks too
large for the memory (OMP_STACKSIZE). By default libgomp's threads spin for a while after each
batch; under a CPU quota, as on Lambda, the next batch loses that time.
"""

from __future__ import annotations

import os

UNITS = {"B": 0, "K": 10, "M": 20, "G": 30}

# We use no task priorities. This value shows whether libgomp was loaded with our settings.
MARK = 7919
SETTINGS = {"GOMP_SPINCOUNT": "0", "OMP_MAX_TASK_PRIORITY": str(MARK)}


def load() -> None:
    """Import `_native` once, and restore the environment even if that fails."""
    hidden = [name for name in os.environ if name.startswith(("OMP_", "GOMP_"))]
    # Change only the C environment: other threads may read os.environ, and must see no change.
    for name in hidden:
        os.unsetenv(name)
    for name, value in SETTINGS.items():
        os.putenv(name, value)
    try:
        from . import _native
    except ImportError as error:
        if reason := reason_of(error, os.path.dirname(__file__)):
            raise ImportError(reason, name=error.name, path=error.path) from error
        raise
    finally:
        for name in SETTINGS:
            os.unsetenv(name)
        for name in hidden:
            os.putenv(name, os.environ[name])
    _native.prepare_pools(MARK, stack_bytes(os.environ.get("OMP_STACKSIZE", "")))


def reason_of(error: ImportError, folder: str) -> str | None:
    """Return why the extension can't be imported and what to do; None if `error` says it already.

    `folder` is the folder of this package.
    """
    if not os.path.isdir(folder):
        return (
            f"{folder} is in an archive, and Python can't load a compiled extension from one; "
            "install bcrypt_batch, or unpack the archive"
        )
    if error.name == __package__:
        return (
            f"{folder} has no compiled extension for this Python and machine; install bcrypt_batch "
            "from its wheel, or build it with pip"
        )
    if "interpreter" in str(error).lower():
        return (
            f"bcrypt_batch works in one interpreter of a process ({error}); under mod_wsgi set "
            "WSGIApplicationGroup %{GLOBAL} for each application that uses it"
        )
    return None


def stack_bytes(setting: str) -> int:
    """Parse OMP_STACKSIZE, a number of KB or a number with a unit; 0 if it is malformed.

    Source: OpenMP 5.2, 21.2.1 (OMP_STACKSIZE).
    """
    number, unit = setting.strip().upper(), "K"
    if number[-1:] in UNITS:
        number, unit = number[:-1].rstrip(), number[-1]
    if not (number.isascii() and number.isdigit() and len(number) <= 12):
        return 0
    return int(number) << UNITS[unit]
