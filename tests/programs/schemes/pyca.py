"""Answer bcrypt.js: hash a password, or check it against a hash, with pyca/bcrypt."""

from __future__ import annotations

import json
import sys

import bcrypt

password, hashed = json.load(sys.stdin)
key = password.encode()[:72]
if hashed is None:
    answer: object = bcrypt.hashpw(key, bcrypt.gensalt(4)).decode()
else:
    answer = bcrypt.checkpw(key, hashed.encode())
print(json.dumps(answer))
