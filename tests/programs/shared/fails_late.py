"""Be a Python whose server ends when it has been detached, as one that gets no memory does.

Arguments: a file that gets a line for each start, then the command's own.
"""

import os
import runpy
import sys

from bcrypt_batch import _native

with open(sys.argv[1], "a") as log:
    log.write("started\n")
_native.Server = lambda *_, **__: os._exit(4)  # type: ignore[misc,assignment]
sys.argv = sys.argv[sys.argv.index("bcrypt_batch") :]
runpy.run_module("bcrypt_batch", run_name="__main__")
