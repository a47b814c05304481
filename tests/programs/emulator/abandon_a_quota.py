"""Leave a process in a control group that nobody removes; print the group's list of processes."""

from __future__ import annotations

import os
import subprocess

from emulator.quota import Quota

allowed = Quota(1536).__enter__()
quiet = subprocess.DEVNULL
subprocess.Popen([*allowed.prefix, "sleep", "60"], stdout=quiet, stderr=quiet)
print(allowed.prefix[-1], flush=True)
os._exit(0)
