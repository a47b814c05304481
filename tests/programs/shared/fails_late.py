"""Be a Python whose server ends when it has been detached, as one that gets no memory does.

Arguments: a file that gets a line for each start, then the command's own.
"""

import errno
import runpy
import sys
from typing import NoReturn

from bcrypt_batch import _native


def refuse(*_: object, **__: object) -> NoReturn:
    raise OSError(errno.ENOMEM, "no memory")


with open(sys.argv[1], "a") as log:
    log.write("started\n")
_native.Server = refuse  # type: ignore[misc,assignment]
sys.argv = ["bcrypt_batch", *sys.argv[sys.argv.index("serve") :]]
runpy.run_module("bcrypt_batch", run_name="__main__")
