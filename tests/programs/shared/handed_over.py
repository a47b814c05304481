"""Become a server whose socket is handed over as systemd does it."""

import os
import sys

os.dup2(int(sys.argv[1]), 3, inheritable=True)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.executable, [sys.executable, "-m", "bcrypt_batch", "serve"])
