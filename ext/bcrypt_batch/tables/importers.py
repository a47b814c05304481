"""Make users for other systems' importers; refuse results that they would change or mix up.

Importers trim names, fold their case, skip lines, and let one user overwrite another, mostly
without a warning. Such results are refused.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import unicodedata
from typing import Any

from .results import raw_bytes

# Firebase Admin SDK, isUid: the length as in JavaScript, in UTF-16 units of two bytes.
FIREBASE_ID_UNITS = 128
# Auth0, "Bulk User Import Database Schema and Examples": a file's size, where a KB may have 1000
# bytes or 1024, and the hashes that password_hash takes; others go in custom_password_hash.
AUTH0_BYTES = 500 * 1000
AUTH0_BRACKETS = len(b"[]\n")  # around a file's users
AUTH0_COST = 10
AUTH0_PREFIXES = ("2a", "2b")
# Auth0, "Bulk User Imports": Auth0 puts this before every id.
AUTH0_ID_PREFIX = "auth0|"
# Apache, htpasswd(1). Apache ignores a line of more than 8 KiB, and all lines after it.
HTPASSWD_ID_BYTES = 255

HASH = re.compile(r"\$(2[abxy])\$([0-9]{2})\$[./A-Za-z0-9]{53}", re.ASCII)

_BOM = "\ufeff"  # JavaScript's trim() removes it, str.strip() doesn't
_CONTROL = re.compile("[\0-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Refused(ValueError):
    """A result that can't be exported; the message says why, and quotes nothing of it."""


class Users:
    """Makes users from results in each importer's format; remembers ids and addresses.

    Each method takes a result with a hash, and returns a line or a JSON object. It raises Refused
    if the importer would change the user, drop it, or take it for another one.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._ids: set[str] = set()
        self._emails: set[str] = set()

    def firebase(self, result: dict[str, Any]) -> bytes:
        """For `firebase auth:import FILE --hash-algo=BCRYPT`."""
        user = {"localId": self._id(result)}
        _check_unicode("id", user["localId"])
        if len(user["localId"].encode("utf-16-le")) > 2 * FIREBASE_ID_UNITS:
            raise Refused(f"the id has more than {FIREBASE_ID_UNITS} characters in UTF-16")
        if email := self._email(result):
            user["email"] = email
        # The salt is in the hash; Firebase takes the whole string.
        user["passwordHash"] = base64.b64encode(result["hash"].encode()).decode()
        return json.dumps(user).encode()

    def auth0(self, result: dict[str, Any]) -> bytes:
        """For Auth0's user import job."""
        identity, email, key = self._id(result), self._email(result), self._options.email
        _check_unicode("id", identity)
        if identity.startswith(AUTH0_ID_PREFIX):
            raise Refused(f"Auth0 puts {AUTH0_ID_PREFIX} before the id; leave it out")
        if not email:
            raise Refused(
                f"there is no {key!r}, which Auth0 needs; --keep {key} when hashing takes the "
                "column along, --email names another"
            )
        user: dict[str, Any] = {"user_id": identity, "email": email}
        match = HASH.fullmatch(result["hash"])
        assert match is not None
        if match[1] in AUTH0_PREFIXES and int(match[2]) == AUTH0_COST:
            user["password_hash"] = result["hash"]
        elif self._options.custom:
            value = {"value": result["hash"], "encoding": "utf8"}
            user["custom_password_hash"] = {"algorithm": "bcrypt", "hash": value}
        else:
            raise Refused(
                f"password_hash takes $2a$ and $2b$ of cost {AUTH0_COST} only, and this is "
                f"${match[1]}$ of cost {int(match[2])}; --custom writes it as custom_password_hash"
            )
        line = json.dumps(user).encode()
        if AUTH0_BRACKETS + len(line) > AUTH0_BYTES:
            raise Refused("the user alone takes more than a file's 500 KB")
        return line

    def htpasswd(self, result: dict[str, Any]) -> bytes:
        """For Apache and nginx, which compare names byte by byte; the hash gets the label 2y."""
        name = raw_bytes(self._id(result))
        if name is None:
            raise Refused("the id has half a surrogate pair")
        if b":" in name or name.startswith(b"#"):
            raise Refused("the id has a colon, which ends a name, or begins with #, as comments do")
        if len(name) > HTPASSWD_ID_BYTES:
            raise Refused(f"the id has more than {HTPASSWD_ID_BYTES} bytes")
        return b"%b:$2y$%b" % (name, result["hash"][4:].encode())

    def _id(self, result: dict[str, Any]) -> str:
        identity = result.get("id")
        if identity is None or identity == "":
            raise Refused("there is no id; --id-column names its column when hashing")
        if isinstance(identity, bool) or not isinstance(identity, (str, int, float)):
            raise Refused("the id is neither text nor a number")
        identity = str(identity)
        _check_ends("id", identity)
        if identity in self._ids:
            raise Refused("an earlier row has the same id, and one would overwrite the other")
        self._ids.add(identity)
        return identity

    def _email(self, result: dict[str, Any]) -> str | None:
        email = result.get(self._options.email)
        if email is None or email == "":
            return None
        if not isinstance(email, str):
            raise Refused(f"{self._options.email!r} is not text")
        _check_ends("e-mail address", email)
        _check_unicode("e-mail address", email)
        # Auth0, "User Profile Structure": addresses are stored in lower case; Firebase's emulator
        # does the same. Firebase, "Import users": an address may come twice, for two users.
        folded = unicodedata.normalize("NFKC", email).lower()
        if folded in self._emails:
            raise Refused("an earlier row has the same e-mail address, whatever its case")
        self._emails.add(folded)
        return email


def _check_ends(what: str, text: str) -> None:
    """Refuse blanks at the ends, which importers trim, and control characters."""
    if text != text.strip() or _BOM in (text[0], text[-1]):
        raise Refused(f"the {what} begins or ends with a blank, which importers take off")
    if _CONTROL.search(text):
        raise Refused(f"the {what} has a control character")


def _check_unicode(what: str, text: str) -> None:
    """Refuse half a surrogate pair: importers replace each by the same character."""
    if _SURROGATE.search(text):
        raise Refused(f"the {what} is not UTF-8, or has half a surrogate pair")
