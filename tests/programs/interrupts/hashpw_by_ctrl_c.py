from __future__ import annotations

import os
import signal
import threading

import bcrypt_batch

threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
bcrypt_batch.hashpw(b"pw", bcrypt_batch.gensalt(20))
