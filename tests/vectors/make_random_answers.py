"""Write random_answers.jsonl: `NODE_PATH=DIR python -m tests.vectors.make_random_answers > FILE`.

DIR is a node_modules that has bcryptjs (npm). The hashes come in turn from it, from the system's
libxcrypt and from pyca/bcrypt: implementations in JavaScript, C and Rust that share no code with
this project, nor with each other.
"""

from __future__ import annotations

import json
import random
import subprocess

import bcrypt

from tests import libxcrypt
from tests.vectors.make_known_answers import make_setting

COUNT = 1500
NODE = """
const bcrypt = require("bcryptjs");
const items = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(items.map(([password, setting]) => bcrypt.hashSync(password, setting))));
"""


def make_password(by: str, prefix: str, source: random.Random) -> bytes:
    length = source.choice((source.randrange(73), source.randrange(73), source.randrange(24)))
    if by == "bcryptjs":  # takes text, of any planes
        points = (source.choice((0x7F, 0x7FF, 0xD7FF, 0x1FFFF)) for _ in range(length))
        text = "".join(chr(source.randint(1, top)) for top in points)
        text = text.encode("utf-8", "ignore")[:72].decode("utf-8", "ignore")
        return text.encode()
    if by == "pyca/bcrypt":
        return bytes(source.randrange(256) for _ in range(length))
    # To libxcrypt NUL ends a password, and its 2a departs from OpenBSD's for some 8-bit bytes.
    return bytes(source.randint(1, 127 if prefix == "2a" else 255) for _ in range(length))


def main() -> None:
    source = random.Random(2026)
    made: list[tuple[str, bytes, bytes]] = []
    for i in range(COUNT):
        by = ("libxcrypt", "pyca/bcrypt", "bcryptjs")[i % 3]
        prefix = source.choice(
            ("2a", "2b", "2x", "2y") if by == "libxcrypt" else ("2a", "2b", "2y")
        )
        setting = make_setting(prefix, source.choice((4, 4, 4, 4, 5, 6)), source)
        made.append((by, make_password(by, prefix, source), setting))
    scripted = [(p.decode(), setting.decode()) for by, p, setting in made if by == "bcryptjs"]
    done = subprocess.run(
        ["node", "-e", NODE], input=json.dumps(scripted), capture_output=True, text=True, check=True
    )
    from_node = iter(json.loads(done.stdout))
    for by, password, setting in made:
        if by == "bcryptjs":
            hashed = next(from_node)
        else:
            function = libxcrypt.crypt if by == "libxcrypt" else bcrypt.hashpw
            hashed = function(password, setting).decode()
        print(json.dumps({"password_hex": password.hex(), "hash": hashed, "by": by}))


if __name__ == "__main__":
    main()
