"""Count what a table has, before it is hashed, verified or moved; no value of a row is kept."""

from __future__ import annotations

from typing import Any, NamedTuple

from bcrypt_batch.limits import DEFAULT_MAX_COST, MAX_COST, MAX_PASSWORD_BYTES, iterations
from bcrypt_batch.schemes import PLAIN, SCHEMES, foreign, looks_like_hash, recognise

from .identities import Identities
from .notes import NULL_WORDS, Notes
from .pairs import name_of
from .rows import Row
from .tally import Tally
from .targets import TARGETS, Target


class Kind(NamedTuple):
    """Properties that many bcrypt hashes share.

    Attributes:
        scheme: The name of the scheme.
        prefix: The bcrypt prefix, such as `2b`.
        cost: The cost.
    """

    scheme: str
    prefix: str
    cost: int

    def has_scheme_of(self, target: Target) -> bool:
        if self.scheme != PLAIN:
            return self.scheme == target.scheme
        # Hashes of a scheme without a mark look like plain ones.
        return target.scheme is None or not SCHEMES[target.scheme].mark


class Hashes:
    """Counts of stored texts.

    Attributes:
        counts: Texts that are present, missing, empty, words for NULL, or of no known scheme.
        bcrypt: bcrypt hashes by their `Kind`.
        others: Texts of schemes that are not bcrypt, by the scheme's name.
        iterations: How many iterations verifying each hash once takes, without hashes whose cost
            is over DEFAULT_MAX_COST.
    """

    def __init__(self) -> None:
        self.counts, self.bcrypt, self.others = Tally(), Tally(), Tally()
        self.iterations = 0

    def add(self, number: int, stored: bytes | None) -> None:
        """Count the stored text of a row."""
        if not stored:
            self.counts.note("missing" if stored is None else "empty", number)
            return
        self.counts.note("present", number)
        if stored in NULL_WORDS:
            self.counts.note("nulls", number)
            return
        scheme, hashed = recognise(stored, SCHEMES[PLAIN])
        work = iterations(hashed, MAX_COST)
        if work:
            cost = work.bit_length() - 1
            self.bcrypt.note(Kind(scheme.name, hashed[1:3].decode(), cost), number)
            self.iterations += scheme.times * work if cost <= DEFAULT_MAX_COST else 0
        elif other := foreign(hashed):
            self.others.note(other, number)
        else:
            self.counts.note("invalid", number)

    def as_json(self) -> dict[str, Any]:
        """Return all counts, for JSON."""
        return {
            **self.counts.as_json(),
            "schemes": self.bcrypt.by(lambda kind: kind.scheme).as_json(),
            "not_bcrypt": self.others.as_json(),
            "prefixes": self.bcrypt.by(lambda kind: kind.prefix).as_json(),
            "costs": self.bcrypt.by(lambda kind: kind.cost).as_json(),
        }


class Audit:
    """Counts of a table's rows.

    Attributes:
        rows: How many rows were counted.
        errors: Rows that can't be read, by code.
        ids: Ids that are missing, and after `compare` ids that are repeated or alike.
        passwords: Passwords by property; a password may have several properties.
        longest: The bytes of the longest password, and its row; None without passwords.
        to_hash: How many passwords `hash` would hash without options.
    """

    def __init__(
        self, *, hashes_only: bool, has_hashes: bool, expected: tuple[str, ...] = ()
    ) -> None:
        """Begin with no rows.

        Args:
            hashes_only: Whether the table has hashes only, which `Row.password` then contains.
            has_hashes: Whether the rows may have hashes.
            expected: The notes to leave out.
        """
        self._hashes_only, self._has_hashes = hashes_only, has_hashes
        self._notes = Notes(expected=expected)
        self._identities = Identities()
        self._stored, self._in_passwords = Hashes(), Hashes()
        self.rows = self.to_hash = 0
        self.errors, self.ids = Tally(), Tally()
        self.passwords = self._notes.found
        self.longest: tuple[int, int] | None = None

    def add(self, rows: list[Row]) -> None:
        """Count the next rows."""
        for row in rows:
            self._add(self.rows, row)
            self.rows += 1

    def compare(self) -> None:
        """Compare the ids, once all rows are counted."""
        self._identities.compare(self.ids)

    def _add(self, number: int, row: Row) -> None:
        if row.error:
            self.errors.note(row.error, number)
            return
        name = name_of(row.id)
        if name is None:
            self.ids.note("missing", number)
        else:
            self._identities.add(number, name)
        if self._hashes_only:
            self._stored.add(number, row.password)
            return
        if self._has_hashes:
            self._stored.add(number, row.hash)
        if row.password:
            self._password(number, row.password)
        else:
            self.passwords.note("missing" if row.password is None else "empty", number)

    def _password(self, number: int, password: bytes) -> None:
        note = self.passwords.note
        note("present", number)
        self._notes.look(number, password)
        size = len(password)
        if self.longest is None or size > self.longest[0]:
            self.longest = size, number
        if b"\0" in password:
            note("with_nul", number)
        if not password.isascii():
            note("not_ascii", number)
        if looks_like_hash(password):
            self._in_passwords.add(number, password)
        elif size <= MAX_PASSWORD_BYTES:
            self.to_hash += 1
        if size > MAX_PASSWORD_BYTES:
            note("over_72_bytes", number)

    @property
    def hashes(self) -> Hashes:
        """The hashes of the hash column; if it has none, the hashes in the password column."""
        here = self._stored.counts
        found = self._in_passwords
        return found if found.counts and "present" not in here else self._stored

    def unfit(self, target: Target) -> Tally:
        """Return the counts of the bcrypt hashes and passwords that a system would refuse."""
        found = Tally()
        for kind, (count, first) in self.hashes.bcrypt.items():
            if not kind.has_scheme_of(target):
                found.note("other_scheme", first, count)
            elif target.refusal(kind.prefix, kind.cost):
                found.note("prefix_or_cost", first, count)
        if not target.cut and "over_72_bytes" in self.passwords:
            count, first = self.passwords["over_72_bytes"]
            found.note("over_72_bytes", first, count)
        return found

    def as_json(self) -> dict[str, Any]:
        """Return all counts, for JSON."""
        longest = self.longest and {"bytes": self.longest[0], "first": self.longest[1]}
        hashes = self.hashes
        return {
            "rows": self.rows,
            "errors": self.errors.as_json(),
            "ids": {**self.ids.as_json(), "compared": self._identities.compared},
            "passwords": {**self.passwords.as_json(), "longest": longest},
            "hashes": {"in_password_column": hashes is self._in_passwords, **hashes.as_json()},
            "targets": {name: self.unfit(target).as_json() for name, target in TARGETS.items()},
        }
