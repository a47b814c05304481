"""A row of a table, the columns that are read, and the errors of rows.

Passwords are the bytes of the file: text is decoded with surrogateescape and encoded back, so that
bytes that aren't UTF-8 survive. A row that can't be read gets an error; the next rows are read.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any, NamedTuple

from .kinds import InvalidColumns

MALFORMED = "malformed_row"
WRONG_FIELDS = "wrong_number_of_fields"
WRONG_TYPE = "wrong_type"
TOO_LONG = "row_too_long"
ERROR_CODES = (MALFORMED, WRONG_FIELDS, WRONG_TYPE, TOO_LONG)  # of a row that can't be read

# The fields of results: kept columns need other names.
FIXED = ("row", "id", "hash", "match", "truncated", "error")


class Row(NamedTuple):
    """One row.

    Attributes:
        start: Offset of its first byte in the file.
        id: The user's id, or None if the table has no id column.
        password: Its bytes; None if missing.
        hash: Its bytes; None if missing, and always when hashing.
        error: A code if the row can't be read; the other fields are None then.
        kept: Values of the kept columns.
        lines: How many lines of the file it has; counted only for a CSV's row in error.
    """

    start: int
    id: Any
    password: bytes | None
    hash: bytes | None
    error: str | None = None
    kept: tuple[Any, ...] = ()
    lines: int = 1


class Columns(NamedTuple):
    """The names of the columns that are read.

    Attributes:
        id: The id column, which must exist; None for the column `id`, if there is one.
        hash: None when hashing.
        keep: Columns to copy to the results.
    """

    password: str = "password"
    id: str | None = None
    hash: str | None = None
    keep: tuple[str, ...] = ()

    def check(self, form: str | None) -> None:
        """Refuse columns that a format lacks, or that would put a secret in the results.

        Raises:
            InvalidColumns: With the wrong field of an event.
        """
        named: dict[str, tuple[str | None, ...]] = {
            "password_column": (self.password,),
            "id_column": (self.id,),
            "hash_column": (self.hash,),
            "keep": self.keep,
        }
        for field, names in named.items():
            if "" in names:
                raise InvalidColumns(field, "must be a column's name, not an empty one")
        if form == "lines":
            if self.hash:
                raise InvalidColumns("format", "'lines' has passwords only, and no hashes")
            for field in ("id_column", "keep"):
                if any(named[field]):
                    raise InvalidColumns(field, "doesn't go with format 'lines': it has no columns")
        if self.id in self.secret:
            raise InvalidColumns("id_column", "can't be the password or the hash column")
        if {*self.keep} & {*FIXED, *self.secret}:
            raise InvalidColumns(
                "keep", f"can't be one of {', '.join(FIXED)}, nor the password or the hash column"
            )

    @property
    def secret(self) -> tuple[str, ...]:
        """The columns that may be neither kept nor the id."""
        return (self.password,) if self.hash is None else (self.password, self.hash)

    def id_among(self, names: Container[str]) -> str | None:
        """Return the id column of a table with these columns, or None if it has none."""
        return self.id or ("id" if "id" in names and "id" not in self.secret else None)
