"""Write known_answers.json: `python -m tests.vectors.make_known_answers > FILE`.

The hashes come from the system's libxcrypt, those of passwords with a NUL byte from pyca/bcrypt.
Neither shares code with this project.
"""

from __future__ import annotations

import json
import random
import sys

import bcrypt

from tests import libxcrypt

ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

# Lengths around the ends of a 32-bit word, of Blowfish's own limit of 56 and of bcrypt's of 72.
LENGTHS = (0, 1, 2, 3, 4, 5, 7, 8, 31, 55, 56, 57, 71, 72, 73, 80)


def make_setting(prefix: str, cost: int, source: random.Random) -> bytes:
    salt = "".join(source.choices(ALPHABET, k=21)) + source.choice(".Oeu")
    return f"${prefix}${cost:02}${salt}".encode()


def main() -> None:
    source = random.Random(1999)  # the year of the paper
    vectors = []

    def add(password: bytes, hashed: bytes, made_by: str) -> None:
        vectors.append({"password_hex": password.hex(), "hash": hashed.decode(), "by": made_by})

    for length in LENGTHS:
        for prefix in ("2a", "2b", "2x", "2y"):
            # libxcrypt's 2a departs from OpenBSD's for some passwords with 8-bit bytes.
            top = 127 if prefix == "2a" else 255
            password = bytes(source.randint(1, top) for _ in range(length))
            setting = make_setting(prefix, 4, source)
            add(password, libxcrypt.crypt(password, setting), "libxcrypt")
    for byte in (0x80, 0xA3, 0xFF):
        for prefix in ("2b", "2x", "2y"):
            for password in (bytes([byte]), b"a" + bytes([byte]) * 3 + b"b", bytes([byte]) * 72):
                setting = make_setting(prefix, 4, source)
                add(password, libxcrypt.crypt(password, setting), "libxcrypt")
    for cost in (5, 6, 7, 8):
        setting = make_setting("2b", cost, source)
        add(b"correct horse", libxcrypt.crypt(b"correct horse", setting), "libxcrypt")
    for password in (b"\0", b"\0\0\0", b"a\0b", b"\xff\0\xff", b"\0" * 72):
        setting = make_setting("2b", 4, source)
        add(password, bcrypt.hashpw(password, setting), "pyca/bcrypt")
    description = (
        "bcrypt hashes made by implementations that share no code with bcrypt_batch: `by` names "
        "libxcrypt 4.4.33 (Debian 12) or pyca/bcrypt 5.0.0 (Rust). password_hex is the password; "
        "more than 72 bytes are cut. Made by make_known_answers.py beside this file."
    )
    json.dump({"description": description, "vectors": vectors}, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
