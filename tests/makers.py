"""Other implementations that make and check stored passwords: Django, libpass, PHP, htpasswd.

Each shares no code with ours, nor with the others but pyca/bcrypt under Django and libpass.
"""

from __future__ import annotations

import base64
import json
import random
import subprocess
from typing import Any, NamedTuple

from tests.processes import PROGRAMS

COST = 4
PEPPER = b"pepper"
WITH_DJANGO = ("django", "django-sha256")
WITH_LIBPASS = ("passlib-v1", "passlib-v2", "ldap", *WITH_DJANGO)
WITH_PHP = (
    "bcrypt", "wordpress", "symfony", "django", "django-sha256", "dovecot", "spring", "ldap",
    "jenkins", "base64", "woltlab", "woltlab-bcrypt", "cockroachdb", "pepper", "md5-hex",
    "sha1-hex", "sha256-hex", "sha512-hex",
)  # fmt: skip


class Stored(NamedTuple):
    """What an implementation has stored for a password."""

    scheme: str
    password: bytes
    text: bytes
    by: str


def passwords(count: int, seed: int) -> list[bytes]:
    """Return passwords of any bytes, every awkward length and kind first."""
    source = random.Random(seed)
    made = [
        b"", b"s3cret", "h\u00f8yt".encode(), b"caf\xe9", b"\xff\xfe", b"a\0b", b"\0",
        b" blanks \n", b"\0\x0btrimmed\t\r",
    ]  # fmt: skip
    for size in (55, 64, 71, 72, 73, 128, 255, 4096):
        made.append(bytes(source.randrange(1, 256) for _ in range(size)))
    while len(made) < count:
        size = source.choice((source.randrange(40), source.randrange(100), source.randrange(300)))
        if len(made) % 2:  # text, which Django takes only
            points = (source.choice((97, source.randrange(1, 0xD800))) for _ in range(size // 3))
            made.append("".join(map(chr, points)).encode())
        else:
            made.append(bytes(source.choice((source.randrange(256), 97)) for _ in range(size)))
    return made[:count]


def is_text(password: bytes) -> bool:
    try:
        password.decode()
    except UnicodeDecodeError:
        return False
    return True


def django_hasher(scheme: str) -> Any:
    """Return Django's hasher of a scheme; it takes text of up to 72 bytes, or of any length."""
    from django.contrib.auth import hashers

    kind = "BCryptSHA256PasswordHasher" if scheme == "django-sha256" else "BCryptPasswordHasher"
    hasher = getattr(hashers, kind)()
    hasher.rounds = COST
    return hasher


def libpass_hasher(scheme: str) -> Any:
    from passlib import hash as hashers

    kinds = {"ldap": "ldap_bcrypt", "django": "django_bcrypt",
             "django-sha256": "django_bcrypt_sha256"}  # fmt: skip
    options = {"version": int(scheme[-1])} if scheme.startswith("passlib-v") else {}
    return getattr(hashers, kinds.get(scheme, "bcrypt_sha256")).using(rounds=COST, **options)


def can(by: str, scheme: str, password: bytes) -> bool:
    """Whether Django or libpass takes a password of a scheme."""
    short = len(password) <= 72 and b"\0" not in password
    if by == "Django":
        return is_text(password) and (scheme == "django-sha256" or len(password) <= 72)
    hashed = scheme.startswith("passlib") or scheme == "django-sha256"
    return hashed or (short and is_text(password))


def with_python(by: str, schemes: tuple[str, ...], given: list[bytes]) -> list[Stored]:
    """Return what Django or libpass stores."""
    made = []
    for scheme in schemes:
        hasher = (django_hasher if by == "Django" else libpass_hasher)(scheme)
        for password in given:
            if can(by, scheme, password):
                text = (
                    hasher.encode(password.decode(), hasher.salt())
                    if by == "Django"
                    else hasher.hash(password)
                )
                made.append(Stored(scheme, password, text.encode(), by))
    return made


def php(asked: list[dict[str, Any]]) -> list[Any]:
    """Return the answers of PHP; a password is bytes."""
    lines = [
        json.dumps({**one, "password": base64.b64encode(one["password"]).decode()}) for one in asked
    ]
    done = subprocess.run(
        ["php", PROGRAMS / "schemes" / "php.php"],
        input="\n".join(lines), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def with_php(given: list[bytes]) -> list[Stored]:
    """Return what PHP stores; it refuses a key with NUL."""
    pairs = [(scheme, password) for scheme in WITH_PHP for password in given]
    made = php([{"scheme": pair[0], "password": pair[1], "cost": COST} for pair in pairs])
    return [
        Stored(*pair, text.encode(), "PHP")
        for pair, text in zip(pairs, made, strict=True)
        if text is not None
    ]


def with_htpasswd(given: list[bytes]) -> list[Stored]:
    """Return what Apache's htpasswd stores for passwords of a line."""
    made = []
    for password in given:
        if not password or {*password} & {*b"\0\r\n"} or len(password) > 72:
            continue
        done = subprocess.run(
            ["htpasswd", "-n", "-i", "-B", "-C", str(COST), "user"],
            input=password, capture_output=True, check=True,
        )  # fmt: skip
        made.append(Stored("bcrypt", password, done.stdout.strip().partition(b":")[2], "htpasswd"))
    return made
