"""Run the command; print its peak of resident memory, in kB.

Not getrusage's, whose maximum is the parent's where that is higher.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from bcrypt_batch.tables.cli import main

status = main()
(peak,) = re.findall(r"^VmHWM:\s+(\d+)", Path("/proc/self/status").read_text(), re.M)
print(peak)
sys.exit(status)
