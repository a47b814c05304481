"""How other systems store bcrypt hashes: with labels, pre-hashed passwords, a pepper.

A scheme says how a stored text is recognised and parsed, and which bytes bcrypt gets for a
password. SCHEMES has all schemes. Calls without `scheme` import this module only to name the
scheme of an invalid hash.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from _collections_abc import Callable, Iterator  # see batch.py

from . import _native
from .checks import check_bytes
from .limits import DEFAULT_PREFIX, MAX_PASSWORD_BYTES, iterations
from .results import ItemError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

AUTO = "auto"  # for verify_many: recognise schemes by their marks only
PLAIN = "bcrypt"
PEPPER = "pepper"
MAX_PRE_HASHED_BYTES = 4096  # WordPress, passlib and Symfony refuse longer passwords

# Makes bcrypt's input from the password, the 22 characters of the salt, and the pepper.
Key = Callable[[bytes, bytes, bytes], bytes]
_PHP_BLANKS = b" \n\r\t\v\0"  # what PHP's trim() strips
_EMPTY_SHA256 = hashlib.sha256().digest()  # CockroachDB appends the digest of the empty string


def _digest(name: str, data: bytes = b"") -> Any:
    """Return a hash object, also for MD5 under FIPS: the digest is only an input of bcrypt."""
    return hashlib.new(name, data, usedforsecurity=False)


def _hex(name: str) -> Key:
    def key(password: bytes, salt: bytes, pepper: bytes) -> bytes:
        digits: str = _digest(name, password).hexdigest()
        return digits[:MAX_PASSWORD_BYTES].encode()

    return key


def _plain(password: bytes, salt: bytes, pepper: bytes) -> bytes:
    return password


def _wordpress(password: bytes, salt: bytes, pepper: bytes) -> bytes:
    trimmed = password.strip(_PHP_BLANKS)
    return base64.b64encode(hmac.digest(b"wp-sha384", trimmed, "sha384"))


def _passlib_v1(password: bytes, salt: bytes, pepper: bytes) -> bytes:
    return base64.b64encode(hashlib.sha256(password).digest())


def _passlib_v2(password: bytes, salt: bytes, pepper: bytes) -> bytes:
    return base64.b64encode(hmac.digest(salt, password, "sha256"))


def _symfony(password: bytes, salt: bytes, pepper: bytes) -> bytes:
    if len(password) <= MAX_PASSWORD_BYTES and b"\0" not in password:
        return password
    return base64.b64encode(hashlib.sha512(password).digest())[:MAX_PASSWORD_BYTES]


def _pepper(password: bytes, salt: bytes, pepper: bytes) -> bytes:
    return password + pepper


def _cockroachdb(password: bytes, salt: bytes, pepper: bytes) -> bytes:
    return password + _EMPTY_SHA256


class Scheme:
    """A way to store passwords with bcrypt.

    Attributes:
        name: Its name in arguments, options and results.
        key: Makes bcrypt's input.
        mark: The start of a stored text, before the bcrypt hash; empty for a scheme without mark.
        marked_only: Whether every hash has the mark, so that `verify_many` needs no name.
        prefix: The bcrypt prefix that its readers expect; None if hash_many can't use the scheme.
        longest: The most bytes of a password; None for bcrypt's own limit.
        times: How many times bcrypt is computed; the second time with the first hash as password.
    """

    __slots__ = ("key", "longest", "mark", "marked_only", "name", "prefix", "times")

    def __init__(
        self,
        name: str,
        key: Key = _plain,
        mark: bytes = b"",
        *,
        marked_only: bool = True,
        prefix: bytes | None = None,
        longest: int | None = None,
        times: int = 1,
    ) -> None:
        self.name = name
        self.key = key
        self.mark = mark
        self.marked_only = marked_only
        self.prefix = prefix
        self.longest = longest
        self.times = times

    def marks(self, stored: bytes) -> bool:
        """Return whether a stored text has the mark; in braces case doesn't matter."""
        found = stored[: len(self.mark)]
        return found == self.mark or (found[:1] == b"{" and found.lower() == self.mark.lower())

    def take(self, stored: bytes) -> bytes:
        """Return the bcrypt hash in a text with the mark; other bytes if it has no bcrypt hash."""
        return stored[len(self.mark) :]

    def put(self, hashed: bytes) -> bytes:
        """Return the text to store for a bcrypt hash."""
        return self.mark + hashed

    def input_of(self, password: Any, salt: bytes, pepper: bytes = b"") -> Any:
        """Return bcrypt's input for a password; return a value that isn't bytes unchanged."""
        if not isinstance(password, bytes):
            return password
        if self.longest is not None and len(password) > self.longest:
            return ItemError(
                "password_too_long",
                f"the password is longer than the {self.longest} bytes that {self.name} takes",
            )
        return self.key(password, salt, pepper)

    def prepare(self, passwords: list[Any], settings: Iterator[bytes]) -> None:
        """Replace passwords to hash by bcrypt's inputs; a setting has 29 bytes."""
        for i, (password, setting) in enumerate(zip(passwords, settings, strict=True)):
            passwords[i] = self.input_of(password, setting[7:])


class _Passlib(Scheme):
    """A scheme of passlib, which writes prefix, cost, salt and digest in its own format."""

    __slots__ = ("_fields",)

    def __init__(self, name: str, key: Key, mark: bytes, fields: bytes, **others: Any) -> None:
        super().__init__(name, key, mark, longest=MAX_PRE_HASHED_BYTES, **others)
        self._fields = re.compile(re.escape(mark) + fields + rb"\$(.{22})\$(.{31})", re.DOTALL)

    def take(self, stored: bytes) -> bytes:
        found = self._fields.fullmatch(stored)
        if not found:
            return b""
        prefix, cost, salt, digest = found.groups()
        return b"$%b$%02d$%b%b" % (prefix, int(cost), salt, digest)

    def put(self, hashed: bytes) -> bytes:
        fields = int(hashed[4:6]), hashed[7:29], hashed[29:]
        return self.mark + b"t=2b,r=%d$%b$%b" % fields  # the scheme's readers accept only 2b


class _Base64(Scheme):
    __slots__ = ()

    def marks(self, stored: bytes) -> bool:
        return len(stored) == 80 and stored.startswith(self.mark)

    def take(self, stored: bytes) -> bytes:
        try:
            return base64.b64decode(stored, validate=True)
        except ValueError:
            return b""


_COST = rb"([1-9]\d?)"
_digests = {f"{name}-hex": name for name in ("md5", "sha1", "sha256", "sha512")}
# How many hexadecimal digits a digest of each of these schemes has.
DIGITS = {scheme: 2 * _digest(name).digest_size for scheme, name in _digests.items()}

# If a mark begins with another mark, the longer one comes first.
SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Scheme(PLAIN, marked_only=False),
        Scheme(
            "wordpress", _wordpress, b"$wp", prefix=b"2y", longest=MAX_PRE_HASHED_BYTES
        ),
        Scheme("django", mark=b"bcrypt$", prefix=b"2b"),
        Scheme("django-sha256", _hex("sha256"), b"bcrypt_sha256$", prefix=b"2b"),
        _Passlib(
            "passlib-v2", _passlib_v2, b"$bcrypt-sha256$v=2,", rb"t=(2[aby]),r=" + _COST,
            prefix=b"2b",
        ),
        _Passlib("passlib-v1", _passlib_v1, b"$bcrypt-sha256$", rb"(2[aby])," + _COST),
        Scheme("dovecot", mark=b"{BLF-CRYPT}", prefix=b"2y"),
        Scheme("spring", mark=b"{bcrypt}", prefix=b"2a"),
        Scheme("ldap", mark=b"{CRYPT}", prefix=b"2b"),
        Scheme("jenkins", mark=b"#jbcrypt:", prefix=b"2a"),
        Scheme("woltlab-bcrypt", mark=b"Bcrypt:"),
        _Base64("base64", mark=b"JDJ"),  # $2 and two bits of the next character
        Scheme("woltlab", mark=b"DoubleBcrypt:", marked_only=False, times=2),
        Scheme("cockroachdb", _cockroachdb, b"CRDB-BCRYPT", marked_only=False),
        Scheme(
            "symfony", _symfony, marked_only=False, prefix=b"2y", longest=MAX_PRE_HASHED_BYTES
        ),
        Scheme(PEPPER, _pepper, marked_only=False),
        *(Scheme(name, _hex(digest), marked_only=False) for name, digest in _digests.items()),
    )
}  # fmt: skip
_MARKED = tuple(scheme for scheme in SCHEMES.values() if scheme.mark)
TO_VERIFY = (AUTO, *(name for name, scheme in SCHEMES.items() if not scheme.marked_only))
WITHOUT_PEPPER = tuple(name for name in TO_VERIFY if name != PEPPER)
TO_HASH = tuple(name for name, scheme in SCHEMES.items() if scheme.prefix)

# How the texts of other schemes begin. In braces upper and lower case are the same.
_FOREIGN = {
    "phpass": (b"$P$", b"$H$"),
    "phpass-sha512": (b"$S$",),
    "argon2id": (b"$argon2id$", b"argon2$argon2id$", b"{argon2}$argon2id$"),
    "argon2i": (b"$argon2i$", b"argon2$argon2i$", b"{argon2}$argon2i$"),
    "argon2": (b"$argon2", b"argon2$", b"{argon2", b"argon2id:", b"argon2:"),
    "md5-crypt": (b"$1$", b"$apr1$", b"{md5-crypt}"),
    "sun-md5-crypt": (b"$md5$", b"$md5,"),
    "sha256-crypt": (b"$5$", b"{sha256-crypt}"),
    "sha512-crypt": (b"$6$", b"{sha512-crypt}"),
    "sha1-crypt": (b"$sha1$",),
    "yescrypt": (b"$y$", b"$gy$"),
    "scrypt": (b"$7$", b"$scrypt$", b"scrypt:", b"scrypt$", b"{scrypt}"),
    "pbkdf2": (b"pbkdf2_", b"pbkdf2:", b"$pbkdf2", b"{pbkdf2", b"{x-pbkdf2}", b"#pbkdf2:"),
    "ssha": (b"{ssha", b"{smd5}"),
    "sha": (b"{sha", b"sha1$", b"sha256$", b"sha512$", b"unsalted_sha1$"),
    "md5": (b"{md5}", b"md5$", b"unsalted_md5$"),
    "plain": (b"{plain", b"{noop}", b"{cleartext}"),
    "scram": (b"SCRAM-SHA-256$", b"{scram", b"{cram-md5}", b"{digest-md5}"),
    "nt": (b"$3$$", b"{nt}", b"{lanman}", b"{lm}"),
}
# Digests without a mark, by their number of hexadecimal digits.
BARE_DIGESTS = {32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}
_HEX = re.compile(rb"[0-9A-Fa-f]+")
# A bcrypt hash anywhere in a text, also one cut by a column that is too short; or a text behind any
# label in braces, as in LDAP and Dovecot.
_HASH = re.compile(
    rb"\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{17}|^\{[A-Z0-9.-]{3,20}\}[./$+=A-Za-z0-9]{16}"
)
_SHORTEST = 24  # bytes of the shortest marked hash of another scheme: a shorter text is a password


def digest_key(digest: bytes, name: str) -> bytes | None:
    """Return bcrypt's input for a hexadecimal digest, as a login with the scheme makes it.

    Returns:
        The input; None unless `digest` has only hexadecimal digits, upper or lower case, and as
        many as the scheme's digest.
    """
    if len(digest) != DIGITS[name] or not _HEX.fullmatch(digest):
        return None
    return digest.lower()[:MAX_PASSWORD_BYTES]


def foreign(stored: bytes) -> str | None:
    """Name the scheme of a stored text that isn't bcrypt; None if the scheme is unknown.

    Messages use these names: a message that quoted the text might quote a password.
    """
    text = stored.lower() if stored[:1] == b"{" else stored
    for name, beginnings in _FOREIGN.items():
        if text.startswith(beginnings):
            return name
    return bare_digest(stored)


def bare_digest(text: bytes) -> str | None:
    """Name the digest that has as many hexadecimal digits as a text; None for any other text."""
    digest = BARE_DIGESTS.get(len(text))
    return f"{digest}-hex" if digest and _HEX.fullmatch(text) else None


def looks_like_hash(password: bytes) -> bool:
    """Return whether a password has the form of a hash, of bcrypt or another scheme."""
    if b"$" not in password and not password.startswith(b"{"):
        return False
    if _HASH.search(password):
        return True
    marked = foreign(password) or recognise(password, SCHEMES[PLAIN])[0].mark
    return len(password) >= _SHORTEST and bool(marked)


def recognise(stored: bytes, unmarked: Scheme) -> tuple[Scheme, bytes]:
    """Return the scheme of a stored text and its bcrypt hash; `unmarked` for one without a mark."""
    if not stored.startswith(b"$2"):
        for scheme in _MARKED:
            if scheme.marks(stored):
                return scheme, scheme.take(stored)
    return unmarked, stored


def find(name: str | None, allowed: tuple[str, ...]) -> Scheme:
    """Return the scheme that an argument names.

    Raises:
        TypeError: The name isn't a str.
        ValueError: The name isn't allowed.
    """
    if not isinstance(name, str):
        raise TypeError(f"scheme must be a str or None, not {type(name).__name__}")
    if name not in allowed:
        marked = "; 'auto' recognises this scheme" if name in SCHEMES and AUTO in allowed else ""
        raise ValueError(f"scheme must be one of {', '.join(map(repr, allowed))}{marked}")
    return SCHEMES[PLAIN if name == AUTO else name]


def prefix_name(name: str | None) -> str:
    """Return the prefix that a scheme's readers expect, as options and events name it."""
    scheme = SCHEMES.get(name or PLAIN)
    return ((scheme and scheme.prefix) or DEFAULT_PREFIX).decode()


def work(stored: bytes | None, name: str | None, max_cost: int) -> int:
    """Return how many iterations verifying a stored text takes; 0 if it isn't computed.

    `name` is one of TO_VERIFY, or None for bcrypt hashes without a scheme.
    """
    if not stored or name is None:
        return iterations(stored, max_cost)
    scheme, hashed = recognise(stored, find(name, TO_VERIFY))
    return scheme.times * iterations(hashed, max_cost)


def unsupported(name: str) -> tuple[str, str]:
    """Return the code and the message for a hash of a scheme that isn't computed."""
    if name in SCHEMES and name not in DIGITS:
        return "unsupported_scheme", f"the hash is of scheme {name}; scheme='auto' verifies it"
    return "unsupported_scheme", f"the hash is of scheme {name}, which isn't bcrypt"


def unsupported_by_name(refused: dict[int, tuple[str, str]], hashes: list[Any]) -> None:
    """Name the scheme of each hash that a batch refused, if the scheme is known."""
    for i, (code, _) in refused.items():
        if code != "invalid_hash":
            continue
        stored = bytes(hashes[i])
        scheme, _ = recognise(stored, SCHEMES[PLAIN])
        name = scheme.name if scheme.mark else foreign(stored)
        if name:
            refused[i] = unsupported(name)


class Verifier:
    """Parses stored texts, and makes bcrypt's inputs from the passwords."""

    __slots__ = ("_pepper", "_unmarked")

    def __init__(self, name: str | None, pepper: bytes | None) -> None:
        """Take the arguments of `verify_many`.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: The name isn't one of TO_VERIFY, or the pepper doesn't go with it.
        """
        self._pepper = _check_pepper(name, pepper)
        self._unmarked = find(name, TO_VERIFY)

    def take(self, passwords: list[Any], hashes: list[Any]) -> tuple[list[str | None], list[int]]:
        """Replace passwords by bcrypt's inputs, and stored texts by their bcrypt hashes.

        A value that isn't bytes stays unchanged. A text of another scheme becomes an ItemError.

        Returns:
            The scheme of each item, None for an invalid hash; and the indices of the items for
            which bcrypt is computed twice.
        """
        names: list[str | None] = [None] * len(hashes)
        twice = []
        for i, stored in enumerate(hashes):
            if not isinstance(stored, bytes):
                continue
            scheme, hashes[i] = recognise(stored, self._unmarked)
            if _native.hash_cost(hashes[i]):
                names[i] = scheme.name
                passwords[i] = scheme.input_of(passwords[i], hashes[i][7:29], self._pepper)
                if scheme.times == 2:
                    twice.append(i)
            elif other := foreign(hashes[i]):
                names[i] = other
                hashes[i] = ItemError(*unsupported(other))
        return names, twice


def _check_pepper(name: str | None, pepper: bytes | None) -> bytes:
    """Check a pepper and return it; empty for every scheme but PEPPER."""
    if (name == PEPPER) != (pepper is not None):
        raise ValueError(f"scheme {PEPPER!r} needs a pepper, and no other scheme takes one")
    if pepper is None:
        return b""
    check_bytes("pepper", pepper)
    if not pepper:
        raise ValueError("pepper must not be empty")
    return bytes(pepper)
