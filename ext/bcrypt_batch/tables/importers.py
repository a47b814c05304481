"""Make users for other systems' importers; refuse results that an importer would damage.

Importers trim names, fold their case, skip lines, and let one user overwrite another, mostly
without a warning. A result is refused if an importer would do that to it.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import unicodedata
from typing import Any, NamedTuple

from .results import raw_bytes
from .targets import TARGETS

# Firebase Admin SDK, isUid: length of an id in UTF-16 units of two bytes, as in JavaScript.
FIREBASE_ID_UNITS = 128
# Auth0, "Bulk User Imports": Auth0 puts this before every id.
AUTH0_ID_PREFIX = "auth0|"
# Okta, Users API, "Default Profile Properties": length of a login, and of an address.
OKTA_CHARACTERS = (5, 100)
OKTA_NAMES = ("firstName", "lastName")  # needed unless the profile's schema says otherwise
# Keycloak, "Server Administration Guide", the default user profile: length of a username.
KEYCLOAK_ID_CHARACTERS = (1, 255)
# Apache, htpasswd(1). Apache ignores a line of more than 8 KiB, and all lines after it.
HTPASSWD_ID_BYTES = 255

HASH = re.compile(
    r"\$(2[abxy])\$([0-9]{2})\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})", re.ASCII
)  # prefix, cost, salt, digest

_BOM = "\ufeff"  # JavaScript's trim() removes it, str.strip() doesn't
_CONTROL = re.compile("[\0-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Request(NamedTuple):
    """The body of a request, or a file, with several users.

    Attributes:
        head: The bytes before the users.
        tail: The bytes after the users.
        most_users: How many users the request may have.
        most_bytes: How many bytes the request may have.
    """

    head: bytes
    tail: bytes
    most_users: float = float("inf")
    most_bytes: float = float("inf")


# Auth0, "Bulk User Import Database Schema and Examples": 500 KB; assumes 1 KB = 1000 bytes.
AUTH0 = Request(b"[", b"]\n", most_bytes=500 * 1000)
# FusionAuth, "Import Users": 100,000 are reasonable in production. Its import scripts send 10,000.
FUSIONAUTH = Request(b'{"users": [', b"]}\n", most_users=10_000)
# Keycloak, Admin REST API, PartialImportRepresentation. A request is one transaction, and no
# limit is documented.
KEYCLOAK = Request(b'{"ifResourceExists": "FAIL", "users": [', b"]}\n", most_users=1000)
# Ory, API reference, batchPatchIdentities.
KRATOS = Request(b'{"identities": [', b"]}\n", most_users=1000)


class Refused(ValueError):
    """A result that can't be exported; the message says why, and quotes no value."""


class Users:
    """Makes users from results in each importer's format; remembers ids and addresses.

    Each method takes a result with a hash, and returns a line or a JSON object. It raises Refused
    if the importer would change or drop the user, or mistake it for another user.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._ids: set[str] = set()
        self._emails: set[str] = set()
        self._names: set[str] = set()

    def firebase(self, result: dict[str, Any]) -> bytes:
        """For `firebase auth:import FILE --hash-algo=BCRYPT`."""
        identity, email = self._person(result)
        if len(identity.encode("utf-16-le")) > 2 * FIREBASE_ID_UNITS:
            raise Refused(f"the id has more than {FIREBASE_ID_UNITS} characters in UTF-16")
        user = {"localId": identity, **email}
        # The salt is in the hash; Firebase takes the whole string.
        user["passwordHash"] = base64.b64encode(result["hash"].encode()).decode()
        return json.dumps(user).encode()

    def auth0(self, result: dict[str, Any]) -> bytes:
        """For Auth0's user import job."""
        identity, email = self._person(result, needs_email=True)
        if identity.startswith(AUTH0_ID_PREFIX):
            raise Refused(f"Auth0 puts {AUTH0_ID_PREFIX} before the id; remove this from the id")
        user: dict[str, Any] = {"user_id": identity, **email}
        refusal = _refusal(result, "auth0")
        if refusal is None:
            user["password_hash"] = result["hash"]
        elif self._options.custom:
            value = {"value": result["hash"], "encoding": "utf8"}
            user["custom_password_hash"] = {"algorithm": "bcrypt", "hash": value}
        else:
            raise Refused(f"{refusal}; --custom writes it as custom_password_hash")
        line = json.dumps(user).encode()
        if len(AUTH0.head) + len(line) + len(AUTH0.tail) > AUTH0.most_bytes:
            raise Refused("the user alone takes more than a file's 500 KB")
        return line

    def clerk(self, result: dict[str, Any]) -> bytes:
        """For `POST /v1/users` of Clerk's Backend API, "Create a new user"."""
        identity, email = self._person(result, needs_email=True)
        user = {
            "external_id": identity, "email_address": [*email.values()],
            "password_digest": result["hash"], "password_hasher": "bcrypt",
        }  # fmt: skip
        return json.dumps(user).encode()

    def fusionauth(self, result: dict[str, Any]) -> bytes:
        """For `POST /api/user/import` of FusionAuth, "Import Users": salt and digest apart."""
        identity, email = self._person(result, one_namespace=True)
        cost, salt, digest = _parts(result)
        user = {
            "active": True, "username": identity, **email,
            "encryptionScheme": "bcrypt", "factor": cost, "salt": salt, "password": digest,
        }  # fmt: skip
        return json.dumps(user).encode()

    def keycloak(self, result: dict[str, Any]) -> bytes:
        """For `POST .../partialImport` of Keycloak's Admin REST API, UserRepresentation.

        The provider keycloak-bcrypt computes the algorithm. It reads the salt from the hash, and
        all its versions accept the label 2a.
        """
        identity, email = self._person(result, one_namespace=True)
        _check_length("id", identity, KEYCLOAK_ID_CHARACTERS)
        _check_hash(result, "keycloak")
        about = {"hashIterations": _parts(result)[0], "algorithm": "bcrypt"}
        secret = {"value": "$2a$" + result["hash"][4:], "salt": ""}
        password = {
            "type": "password", "credentialData": json.dumps(about),
            "secretData": json.dumps(secret),
        }  # fmt: skip
        user = {"username": identity, **email, "enabled": True, "credentials": [password]}
        return json.dumps(user).encode()

    def kratos(self, result: dict[str, Any]) -> bytes:
        """For `PATCH /admin/identities` of Ory Kratos, "Import identities"."""
        identity, email = self._person(result, needs_email=True)
        _check_hash(result, "kratos")
        user = {
            "schema_id": self._options.schema, "external_id": identity, "traits": email,
            "credentials": {"password": {"config": {"hashed_password": result["hash"]}}},
        }  # fmt: skip
        return json.dumps({"create": user}).encode()

    def okta(self, result: dict[str, Any]) -> bytes:
        """For `POST /api/v1/users` of Okta, "Create user with imported hashed password"."""
        identity, email = self._person(result, needs_email=True, one_namespace=True)
        for what, text in (("id", identity), ("e-mail address", email["email"])):
            _check_length(what, text, OKTA_CHARACTERS)
        _check_hash(result, "okta")
        cost, salt, digest = _parts(result)
        names = {name: _text(name, result[name]) for name in OKTA_NAMES if result.get(name)}
        hashed = {"algorithm": "BCRYPT", "workFactor": cost, "salt": salt, "value": digest}
        user = {
            "profile": {"login": identity, **email, **names},
            "credentials": {"password": {"hash": hashed}},
        }
        return json.dumps(user).encode()

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

    def _person(
        self, result: dict[str, Any], *, needs_email: bool = False, one_namespace: bool = False
    ) -> tuple[str, dict[str, str]]:
        """Return the id, and the address as a field, for a system that takes JSON.

        Args:
            result: The result.
            needs_email: Refuse a user without an address.
            one_namespace: Users sign in by id or address in any case. So an id or address may be
                neither the id nor the address of another user.
        """
        identity, email, key = self._id(result), self._email(result), self._options.email
        _check_unicode("id", identity)
        if needs_email and not email:
            raise Refused(
                f"there is no {key!r}, which {self._options.form} needs; hash with --keep {key}, "
                "or name another kept column with --email"
            )
        if one_namespace:
            own = {_folded(name) for name in (identity, email) if name}
            if own & self._names:
                raise Refused("an earlier row signs in by this id or address, whatever its case")
            self._names |= own
        return identity, {"email": email} if email else {}

    def _id(self, result: dict[str, Any]) -> str:
        identity = result.get("id")
        if identity is None or identity == "":
            raise Refused("there is no id; hash with --id-column, which names the id column")
        if isinstance(identity, bool) or not isinstance(identity, (str, int, float)):
            raise Refused("the id is neither text nor a number")
        if isinstance(identity, float):  # 3.0 would be another user than 3
            raise Refused(
                "the id is a decimal number, as pandas makes of whole numbers; make the ids text"
            )
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
        email = _text(self._options.email, email)
        _check_ends("e-mail address", email)
        # Auth0, "User Profile Structure": addresses are stored in lower case; Firebase's emulator
        # does the same. Firebase, "Import users": two users may get the same address.
        folded = _folded(email)
        if folded in self._emails:
            raise Refused("an earlier row has the same e-mail address, whatever its case")
        self._emails.add(folded)
        return email


def _parts(result: dict[str, Any]) -> tuple[int, str, str]:
    """Return cost, salt and digest of the hash."""
    match = HASH.fullmatch(result["hash"])
    assert match is not None
    return int(match[2]), match[3], match[4]


def _refusal(result: dict[str, Any], system: str) -> str | None:
    """Return why a system would refuse the hash; None if the system accepts it."""
    hashed = result["hash"]
    cut = bool(result.get("truncated"))
    return TARGETS[system].refusal(hashed[1:3], int(hashed[4:6]), cut=cut)


def _check_hash(result: dict[str, Any], system: str) -> None:
    if refusal := _refusal(result, system):
        raise Refused(refusal)


def _text(key: str, value: Any) -> str:
    """Return a value; refuse a value that isn't Unicode text."""
    if not isinstance(value, str):
        raise Refused(f"{key!r} is not text")
    _check_unicode(key, value)
    return value


def _folded(name: str) -> str:
    """Return a form that is equal for names that differ only in case or Unicode form."""
    return unicodedata.normalize("NFKC", name).lower()


def _check_length(what: str, text: str, characters: tuple[int, int]) -> None:
    least, most = characters
    if not least <= len(text) <= most:
        raise Refused(f"the {what} has {len(text)} characters, not {least} to {most}")


def _check_ends(what: str, text: str) -> None:
    """Refuse blanks at the ends, which importers trim, and control characters."""
    if text != text.strip() or _BOM in (text[0], text[-1]):
        raise Refused(f"the {what} begins or ends with a blank, which importers remove")
    if _CONTROL.search(text):
        raise Refused(f"the {what} has a control character")


def _check_unicode(what: str, text: str) -> None:
    """Refuse half a surrogate pair: importers replace every such half by the same character."""
    if _SURROGATE.search(text):
        raise Refused(f"the {what} is not UTF-8, or has half a surrogate pair")
