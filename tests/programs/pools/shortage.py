"""Leave room for some threads, each of which reserves 256 MB of address space for its stack.

A limit on address space applies to root, too. The first argument is the number of threads.
"""

from __future__ import annotations

import mmap
import resource
import sys

import bcrypt_batch as bcrypt_batch
from tests.programs.process import mapped_bytes

room = int((int(sys.argv[1]) + 0.6) * (256 << 20))
resource.setrlimit(resource.RLIMIT_AS, (mapped_bytes() + room,) * 2)
try:
    mmap.mmap(-1, 2 * room).close()
except OSError:
    pass
else:
    raise SystemExit("no limit")
