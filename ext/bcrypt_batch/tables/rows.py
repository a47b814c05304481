"""A row of a table, the columns that are read, and the errors of rows.

Passwords are the bytes of the file: text is decoded with surrogateescape and encoded back, so that
bytes that aren't UTF-8 survive. A row that can't be read gets an error, and reading continues.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any, NamedTuple

from .kinds import BARE_DELIMITERS, InvalidColumns, default_delimiter, format_by_name

MALFORMED = "malformed_row"
WRONG_FIELDS = "wrong_number_of_fields"
WRONG_TYPE = "wrong_type"
TOO_LONG = "row_too_long"
WRONG_ENCODING = "wrong_encoding"
REPEATED_HEADER = "repeated_header"
LOOKS_LIKE_HASH = "looks_like_hash"
NO_DIGEST = "not_a_digest"
# Errors that only tables have. All but the last two mean that a row can't be read.
ERROR_CODES = (
    MALFORMED, WRONG_FIELDS, WRONG_TYPE, TOO_LONG, WRONG_ENCODING, REPEATED_HEADER, LOOKS_LIKE_HASH,
    NO_DIGEST,
)  # fmt: skip

# The fields of results: kept columns need other names.
FIXED = ("row", "id", "hash", "scheme", "match", "truncated", "error")


class Row(NamedTuple):
    """One row.

    Attributes:
        start: Offset of the row's first byte in the file.
        id: The user's id, or None if the table has no id column.
        password: The password's bytes; None if missing.
        hash: The hash's bytes; None if missing, and always when hashing.
        error: A code if the row can't be read; id, password and hash are then None.
        kept: Values of the kept columns.
        lines: How many lines of the file the row has; counted only for a CSV's row in error.
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
        hash: The hash column; None when hashing.
        keep: Columns to copy to the results.
        optional: Those of `password` and `hash` that a table may lack if it has the other column.
    """

    password: str = "password"
    id: str | None = None
    hash: str | None = None
    keep: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    def among(self, names: Container[str]) -> Columns:
        """Return the columns of a table with these names.

        If the table has only hashes, the hash column is read as the password column.
        """
        if "hash" in self.optional and self.hash not in names:
            return self._replace(hash=None)
        if "password" in self.optional and self.hash in names and self.password not in names:
            assert self.hash is not None
            return self._replace(password=self.hash, hash=None)
        return self

    def check(self, form: str | None) -> None:
        """Refuse columns that a format lacks, or that would put a secret in the results.

        Raises:
            InvalidColumns: A column is refused; the exception's `field` says which.
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
        """The columns with secrets, which may be neither kept nor the id."""
        return (self.password,) if self.hash is None else (self.password, self.hash)

    def id_among(self, names: Container[str]) -> str | None:
        """Return the id column of a table with these columns, or None if it has none."""
        return self.id or ("id" if "id" in names and "id" not in self.secret else None)


def secret_bytes(text: str, nulls: frozenset[bytes]) -> bytes | None:
    """Return the bytes of a password or hash; None if the text is one of the nulls."""
    data = text.encode("utf-8", "surrogateescape")
    return None if data in nulls else data


def with_tuples(content: dict[str, Any]) -> dict[str, Any]:
    """Return fields of a named tuple from JSON, with lists turned into tuples again."""
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in content.items()
    }


class Reading(NamedTuple):
    """How the bytes of a file become rows.

    Attributes:
        form: `csv`, `jsonl`, `json`, `lines` or `parquet`; None to detect it from the first line.
        columns: The columns to read.
        delimiter: The character between a CSV's fields; None to detect it from the first line.
        dialect: How a CSV's fields are written, one of DIALECTS. None means `csv`, but refuses a
            table with tabs or bars and quoted line ends, which may have another dialect.
        nulls: Texts that mean a missing password or hash; None for the texts of the dialect.
        encoding: The table's encoding, from which passwords are converted to UTF-8; None to keep
            the bytes unchanged.
    """

    form: str | None = "csv"
    columns: Columns = Columns()
    delimiter: str | None = ","
    dialect: str | None = None
    nulls: tuple[str, ...] | None = None
    encoding: str | None = None

    def completed(self, name: str) -> Reading:
        """Return this with missing fields chosen by the name of the file to read.

        Raises:
            InvalidColumns: The format doesn't go with the columns, dialect, encoding or delimiter.
        """
        form = self.form or ("csv" if self.dialect else format_by_name(name))
        if self.dialect and form != "csv":
            raise InvalidColumns("dialect", f"doesn't go with format {form!r}, only with 'csv'")
        if self.encoding and form == "parquet":
            raise InvalidColumns("encoding", "doesn't go with format 'parquet': it has its own")
        columns = self.columns
        if form == "lines":
            columns = columns.among((columns.password,))
        columns.check(form)
        delimiter = self.delimiter or (default_delimiter(name, self.dialect) if form else None)
        if self.escapes and (delimiter in (".", "\\") or str(delimiter).isalnum()):
            raise InvalidColumns("delimiter", f"can't be that character in dialect {self.dialect}")
        columns = columns._replace(keep=tuple(dict.fromkeys(columns.keep)))
        return self._replace(form=form, columns=columns, delimiter=delimiter)

    @property
    def escapes(self) -> bool:
        """Whether a CSV has backslashes instead of quotes."""
        return self.dialect not in (None, "csv")

    @property
    def doubtful(self) -> bool:
        """Whether quotes may be text: no dialect is named, and the delimiter is a tab or a bar."""
        return self.dialect is None and self.delimiter in BARE_DELIMITERS

    @property
    def expected(self) -> tuple[str, ...]:
        """The notes to leave out: only in a CSV with quotes may two backslashes stand for one."""
        return () if self.form == "csv" and not self.escapes else ("backslashes",)

    @property
    def null_bytes(self) -> frozenset[bytes]:
        """The texts that stand for a missing password or hash, in formats without backslashes."""
        return frozenset(text.encode("utf-8", "surrogateescape") for text in self.nulls or ())

    def as_options(self) -> dict[str, Any]:
        """Return what a row depends on by the names of options, for JSON."""
        form, columns, *_ = self
        others = dict(zip(self._fields[2:], self[2:], strict=True))
        options = {
            "format": form, "password_column": columns.password, "id_column": columns.id,
            "hash_column": columns.hash, "keep": columns.keep, **others,
        }  # fmt: skip
        return {
            name: [*value] if isinstance(value, tuple) else value for name, value in options.items()
        }

    @classmethod
    def of_options(cls, options: dict[str, Any]) -> Reading:
        """Make a Reading from the result of `as_options`."""
        given = with_tuples(options)
        names = ("password_column", "id_column", "hash_column", "keep")
        columns = Columns(*(given[name] for name in names))
        return cls(given["format"], columns, *(given[name] for name in cls._fields[2:]))
