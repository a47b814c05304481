"""Check a hash of an MD5 digest where hashlib has MD5 for other uses than security only."""

from __future__ import annotations

import hashlib
from typing import Any

real = hashlib.new


def new(name: str, *data: Any, usedforsecurity: bool = True) -> Any:
    if usedforsecurity and name in ("md5", "sha1"):
        raise ValueError("disabled for FIPS")
    return real(name, *data)


hashlib.new = new  # type: ignore[assignment]

from bcrypt_batch import verify_many  # noqa: E402

stored = b"$2a$05$/VT2Xs2dMd8GJKfrXhjYP.DkTjOVrY12yDN7/6I8ZV0q/1lEohLru"  # hashcat, mode 25600
assert verify_many([b"hashcat"], [stored], scheme="md5-hex").values == [True]
