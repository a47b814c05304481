"""Greenlets share lanes: their calls wait in sockets, patched before or after our import."""

from __future__ import annotations

import sys

library, when, path = sys.argv[1:]
if when == "after":
    import bcrypt_batch.shared

if library == "gevent":
    from gevent import monkey

    monkey.patch_all()
    from gevent.pool import Pool
else:
    import eventlet

    eventlet.monkey_patch()
    from eventlet import GreenPool as Pool

import bcrypt_batch  # noqa: E402

hashed = bcrypt_batch.hashpw(b"right", b"$2b$08$" + b"." * 22)
with bcrypt_batch.SharedChecker(path, when_away="raise") as checker:
    passwords = [b"right" if i % 2 else b"wrong" for i in range(32)]
    answers = list(Pool(16).imap(lambda password: checker.check(password, hashed), passwords))
    assert answers == [False, True] * 16
    assert checker.stats().finished == 32
    assert checker.stats().mean_group_size > 1.5, checker.stats()
