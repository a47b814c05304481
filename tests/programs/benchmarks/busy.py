"""Keep the CPUs busy whose numbers are the arguments, for many seconds, and say so."""

from __future__ import annotations

import sys
import time

from benchmarks.cpu.peers import busy_cpus

with busy_cpus({int(cpu) for cpu in sys.argv[1:]}):
    print("busy", flush=True)
    time.sleep(180)
