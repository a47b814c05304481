"""Detect the kind of a file by its first bytes and its name."""

from __future__ import annotations

import codecs
import csv

FORMATS = ("csv", "jsonl", "json", "lines")
HEAD_BYTES = 64  # how many first bytes are examined
BOM = b"\xef\xbb\xbf"
DELIMITERS = (",", ";", "\t", "|")  # the usual delimiters
# Delimiters of programs that put no field in quotes: mysql, COPY, psql --no-align, sqlite3.
BARE_DELIMITERS = ("\t", "|")

# No .txt: Excel and mysqldump --tab give their tables this name too.
SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
}
_SIGNATURES = (
    (b"\x1f\x8b", "gzip; unpack it first, or pipe: gzip -dc FILE | bcrypt-batch hash - ..."),
    (b"PK\x03\x04", "a spreadsheet or another zip archive; export it as CSV"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old spreadsheet (.xls); export it as CSV"),
    *((b"BZh%d1AY&SY" % level, "bzip2; unpack it first") for level in range(1, 10)),
    (b"\xfd7zXZ\x00", "xz; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "zstd; unpack it first"),
    (b"SQLite format 3\x00", "a SQLite database; export it as CSV"),
    (b"%PDF-", "a PDF"),
    (b"\xff\xfe\x00\x00", "UTF-32; convert it to UTF-8 first"),
    (b"\x00\x00\xfe\xff", "UTF-32; convert it to UTF-8 first"),
    (b"\xff\xfe", "UTF-16; convert it to UTF-8 first, for instance with iconv"),
    (b"\xfe\xff", "UTF-16; convert it to UTF-8 first, for instance with iconv"),
)


class InvalidTable(ValueError):
    """The file as a whole can't be read as specified; the message quotes none of its content."""


class InvalidColumns(InvalidTable):
    """The requested columns can't be read, or can't be copied to the results.

    Attributes:
        field: Which field of an event is wrong; the option's name has hyphens.
        why: What is wrong with the field; quotes no column name.
    """

    def __init__(self, field: str, why: str) -> None:
        self.field, self.why = field, why
        super().__init__(f"--{field.replace('_', '-')} {why}")


class NoSuchColumn(InvalidTable):
    """A header lacks a column or has its name twice, or no object has a key.

    Attributes:
        unnamed: The message without the column's name, because no message quotes an event.
    """

    def __init__(self, message: str, unnamed: str) -> None:
        super().__init__(message)
        self.unnamed = unnamed


def refuse_what_is_no_text(head: bytes) -> None:
    """Raise InvalidTable if these first bytes show that a file isn't UTF-8 text."""
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            raise InvalidTable(f"the file is {kind}")
    if is_parquet(head):
        raise InvalidTable(
            "the file is Parquet, which the command line reads by --format parquet, not from a pipe"
        )
    # UTF-16 without a byte order mark: every second byte of plain text is zero.
    even, odd = head[0:HEAD_BYTES:2], head[1:HEAD_BYTES:2]
    if len(head) >= 8 and ((not any(odd) and all(even)) or (not any(even) and all(odd))):
        raise InvalidTable("the file is UTF-16 without a mark; convert it to UTF-8 first")


def is_parquet(head: bytes) -> bool:
    """Return whether a file begins as Parquet does, and not with a password such as PAR1S2024."""
    return head.startswith(b"PAR1") and head[4:5] < b" " and head[4:5] not in b"\t\r\n"


def fields_of(header: str, delimiter: str) -> list[str]:
    """Return the fields of a CSV's header; an empty list if the header is malformed."""
    try:
        return next(csv.reader([header], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []


def likely_delimiter(header: str, column: str) -> str | None:
    """Return a delimiter that splits a header into several columns, including this one."""
    for delimiter in DELIMITERS:
        fields = fields_of(header, delimiter)
        if len(fields) > 1 and column in fields:
            return delimiter
    return None


def delimiter_by_line(line: str) -> str | None:
    """Return the delimiter that a first line of Excel names, as in `sep=;`; else None."""
    text = line.rstrip("\r\n").removeprefix('"').removesuffix('"')
    return text[4] if text[:4].lower() == "sep=" and len(text) == 5 else None


def format_by_content(line: str, column: str, delimiter: str | None) -> tuple[str, str] | None:
    """Return the format and the delimiter of a table by its first line; None if they are unclear.

    A line of plain text shows no format, and one word may be a header or a password. A wrong guess
    would hash a header, or lose a password. Only the requested delimiter counts, if there is one.
    """
    if named := delimiter_by_line(line):
        return "csv", named
    if line.startswith("{") and '"' in line:
        return "jsonl", ","
    if line.lstrip().startswith("["):
        return "json", ","
    if delimiter and column not in fields_of(line, delimiter):
        return None
    delimiter = delimiter or likely_delimiter(line, column)
    return ("csv", delimiter) if delimiter else None


def format_by_name(name: str) -> str | None:
    """Return the format of a file name's suffix: one of FORMATS, `parquet`, or None."""
    for suffix, found in SUFFIXES.items():
        if name.lower().endswith(suffix):
            return found
    return None


def default_delimiter(name: str, dialect: str | None) -> str:
    """Return the delimiter of a CSV with this name and dialect."""
    tab = name.lower().endswith(".tsv") or dialect not in (None, "csv")
    return "\t" if tab else ","


def known_encoding(text: str) -> str | None:
    """Return the name of an encoding that tables can have, or None.

    Text is split at ASCII characters, so these must be the same bytes as in ASCII, after any byte.
    """
    probe = bytes(range(128)) + b"\\u0041\\x41+AEE-~{!!~}\x1b$B!!\x1b(B"
    try:
        name = codecs.lookup(text).name.removesuffix("-sig")
        same = "escape" not in name and probe.decode(name) == probe.decode("latin-1")
        return name if same else None
    except (LookupError, ValueError):  # also for a codec of bytes, or a name with NUL
        return None


def is_delimiter(text: str) -> bool:
    """Return whether text can be the delimiter of a CSV."""
    return len(text) == 1 and text not in '"\r\n'
