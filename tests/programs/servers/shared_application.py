"""A WSGI application whose processes share the server at SOCKET.

AT_IMPORT is what its server's parent does: "nothing", or "log in". A request checks two passwords
and says which process it was, and how many calls have been computed without the server.
"""

from __future__ import annotations

import json
import os
from typing import Any

import bcrypt_batch

HASH = bcrypt_batch.hashpw(b"right", b"$2b$08$" + b"." * 22)
checker = bcrypt_batch.SharedChecker(
    os.environ["SOCKET"], start=os.environ.get("START") == "1", when_away="raise"
)
if os.environ["AT_IMPORT"] == "log in":
    assert checker.check(b"right", HASH)


def application(environ: object, start_response: Any) -> list[bytes]:
    checked = [checker.check(password, HASH) for password in (b"right", b"wrong")]
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"pid": os.getpid(), "checked": checked}).encode()]
