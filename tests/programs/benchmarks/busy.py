"""Keep the CPUs in the arguments busy for many seconds, and print when they are."""

from __future__ import annotations

import sys
import time

from benchmarks.cpu.peers import busy_cpus

with busy_cpus({int(cpu) for cpu in sys.argv[1:]}):
    print("busy", flush=True)
    time.sleep(180)
