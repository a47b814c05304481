"""Check two passwords by the server of another container, once one listens."""

from __future__ import annotations

import errno
import socket
import time

from bcrypt_batch import SharedChecker, hashpw

PATH = "/run/bcrypt/socket"
PATIENCE_S = 60
HASH = hashpw(b"right", b"$2b$04$" + b"." * 22)


def is_starting() -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect_ex(PATH) in (errno.ENOENT, errno.ECONNREFUSED)


give_up = time.monotonic() + PATIENCE_S
while is_starting() and time.monotonic() < give_up:
    time.sleep(0.05)
with SharedChecker(PATH, when_away="raise") as checker:
    assert [checker.check(password, HASH) for password in (b"right", b"wrong")] == [True, False]
    print(checker.stats().finished)
