"""Systems that verify hashes: the hash that `hash --for` makes, and the hashes a system refuses.

Only systems with requirements are listed: others verify what `hash` makes without `--for`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from bcrypt_batch.limits import DEFAULT_COST, MAX_COST, MIN_COST
from bcrypt_batch.schemes import prefix_name

from .kinds import InvalidTable

ANY = ("2b", "2a", "2y")


class Target(NamedTuple):
    """A system that verifies hashes.

    Attributes:
        name: The system's name in options.
        prefixes: The bcrypt prefixes that it verifies. The first is made, unless the scheme has its
            own prefix.
        costs: The lowest and the highest cost that it verifies.
        scheme: The scheme that it stores; None for plain bcrypt.
        cut: Whether a user whose password was cut to 72 bytes can sign in; False if the login
            refuses longer passwords.
        own_login: Whether applications write the login themselves: such a login can make a digest
            first.
    """

    name: str
    prefixes: tuple[str, ...] = ANY
    costs: tuple[int, int] = (MIN_COST, MAX_COST)
    scheme: str | None = None
    cut: bool = True
    own_login: bool = False

    @property
    def prefix(self) -> str:
        """The prefix to hash with."""
        return prefix_name(self.scheme) if self.scheme else self.prefixes[0]

    @property
    def cost(self) -> int:
        """The cost to hash with by default: DEFAULT_COST, or the nearest cost that it verifies."""
        least, most = self.costs
        return min(max(DEFAULT_COST, least), most)

    @property
    def takes(self) -> str:
        """The prefixes and costs that it verifies, in words."""
        prefixes = " or ".join(f"${prefix}$" for prefix in self.prefixes)
        least, most = self.costs
        return f"{prefixes} of cost " + (f"{least} only" if least == most else f"{least} to {most}")

    def refusal(self, prefix: str, cost: int, *, cut: bool = False) -> str | None:
        """Return why it would refuse a hash, or the login if the password was cut; else None."""
        least, most = self.costs
        if prefix not in self.prefixes or not least <= cost <= most:
            return f"{self.name} takes {self.takes}, and this is ${prefix}$ of cost {cost}"
        if cut and not self.cut:
            return f"{self.name} refuses passwords of more than 72 bytes, and this one was cut"
        return None

    def choose(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return fields of a Job; fields that aren't given get the values that the system needs.

        Raises:
            InvalidTable: The system would refuse what is given.
        """
        chosen = {"prefix": self.prefix, "cost": self.cost, **given}
        wrong = None
        if why := self.refusal(chosen["prefix"], chosen["cost"]):
            name = "prefix" if chosen["prefix"] not in self.prefixes else "cost"
            wrong, why = f"{name} {chosen[name]}", f"{self.name} takes {self.takes}"
        elif given.get("scheme", self.scheme) != self.scheme:
            wrong = f"scheme {given['scheme']}"
            why = f"{self.name} takes {self.scheme or 'plain hashes'}"
        elif given.get("truncate") and not self.cut:
            wrong, why = "truncate", f"{self.name} refuses passwords of more than 72 bytes"
        elif "wrap" in given and not self.own_login:
            wrong, why = "wrap", f"the login of {self.name} doesn't make the digest first"
        if wrong:
            raise InvalidTable(f"--{wrong} doesn't go with --for {self.name}: {why}")
        return chosen if self.scheme is None else {**chosen, "scheme": self.scheme}


TARGETS = {
    target.name: target
    for target in (
        # Auth0, "Bulk User Import Database Schema and Examples": what password_hash takes.
        Target("auth0", ("2b", "2a"), (10, 10)),
        # Of Django's two bcrypt schemes only this one is in the default PASSWORD_HASHERS.
        Target("django", scheme="django-sha256"),
        Target("dovecot", scheme="dovecot"),
        # jBCrypt, checkpw: "Invalid salt revision", "Bad number of rounds".
        Target("jbcrypt", ("2a",), (MIN_COST, 30), own_login=True),
        # Jenkins, HudsonPrivateSecurityRealm: its pattern of hashes, and maximumBCryptLogRound.
        Target("jenkins", ("2a",), (MIN_COST, 18), "jenkins"),
        # The provider keycloak-bcrypt used jBCrypt at first. Now it uses at.favre.lib's bcrypt,
        # which throws for long passwords. export writes all hashes with a prefix that both accept.
        Target("keycloak", ("2a", "2b", "2y"), (MIN_COST, 30), cut=False),
        # Kratos documents the limit of 72 bytes but no limit of the cost. A login with a cost over
        # 15 takes seconds.
        Target("kratos", costs=(MIN_COST, 15), cut=False),
        # Laravel's Hash::check takes what password_get_info names bcrypt.
        Target("laravel", ("2y",), own_login=True),
        Target("ldap", scheme="ldap"),
        # Okta, Users API, PasswordCredentialHash: workFactor.
        Target("okta", costs=(MIN_COST, 20)),
        # password_get_info and password_needs_rehash know 2y only.
        Target("php", ("2y",), own_login=True),
        Target("spring", scheme="spring"),
        Target("symfony", scheme="symfony"),
        Target("wordpress", ("2y",), scheme="wordpress"),
    )
}
