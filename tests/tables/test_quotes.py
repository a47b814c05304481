"""Lines of a quoted field never become rows, whatever is wrong with the record."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bcrypt_batch.tables.reading import read_layout, read_rows
from bcrypt_batch.tables.rows import Reading, Row
from tests.examples import examples
from tests.tables.programs import succeed
from tests.tables.samples import read_results

NAMES = ("id", "password", "note")


def read(content: bytes, delimiter: str = ",") -> list[Row]:
    reading = Reading(delimiter=delimiter, dialect="csv")
    lines, _, layout = read_layout(io.BytesIO(content), reading)
    return list(read_rows(lines, reading, layout))


class Written(NamedTuple):
    """A record as csv.writer writes it, and the positions of its fields."""

    text: str
    fields: list[tuple[int, int]]


def written(record: list[str], dialect: dict[str, Any]) -> Written:
    def text(fields: list[str]) -> str:
        file = io.StringIO(newline="")
        csv.writer(file, **dialect).writerow(fields)
        return file.getvalue()

    end = len(dialect["lineterminator"])
    ends = [len(text(record[:count])) - end for count in range(1, len(record) + 1)]
    return Written(text(record), list(zip([0, *(e + 1 for e in ends)], ends, strict=False)))


def first_record(text: str, dialect: dict[str, Any]) -> int | None:
    """Return the length of the first record, or None if it can't be read."""
    taken = 0

    def lines() -> Any:
        nonlocal taken
        for line in io.StringIO(text, newline="\n"):
            taken += len(line)
            yield line

    known = {k: v for k, v in dialect.items() if k in ("delimiter", "doublequote", "escapechar")}
    try:
        next(csv.reader(lines(), strict=True, **known))
    except csv.Error:
        return None
    return taken


@st.composite
def dialects(draw: st.DrawFn) -> dict[str, Any]:
    escapes = draw(st.booleans())
    return {
        "delimiter": draw(st.sampled_from(",;\t")),
        "lineterminator": draw(st.sampled_from(["\n", "\r\n"])),
        "quoting": draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])),
        "doublequote": not escapes,
        "escapechar": "\\" if escapes else None,
    }


@st.composite
def fields(draw: st.DrawFn, delimiter: str) -> str:
    line = delimiter.join(("admin", "known", ""))
    pieces = ["\n", "\n", "\r", '"', "\\", delimiter, "a", "\0", f"\n{line}\n", f"\n{line}"]
    return "".join(draw(st.lists(st.sampled_from(pieces), max_size=7)))


class Damage(NamedTuple):
    """A byte of a record that is lost, replaced, or preceded by an inserted one."""

    at: int
    lost: bool
    new: str

    def done(self, text: str) -> str:
        return text[: self.at] + self.new + text[self.at + self.lost :]

    def place(self, at: int) -> int:
        """Return the position of a byte of the record after the damage."""
        return at + (len(self.new) - self.lost) * (at >= self.at + self.lost)


LONE_CR = re.compile(r"\r(?!\r*\n)")
NOTHING = Damage(0, False, "")
OTHERS = [{"doublequote": True, "escapechar": escape} for escape in (None, "\\")]


def protected(record: Written, damage: Damage, dialect: dict[str, Any]) -> list[tuple[int, int]]:
    """Return the positions of the quoted fields whose quotes the damage left unchanged.

    No field is protected if the record's beginning has become a whole record that ends in a quoted
    field, also for other readers of the dialect: then later quotes belong to other fields.
    """
    text = damage.done(record.text)
    quoted = [(first, end) for first, end in record.fields if record.text[first : first + 1] == '"']
    places = [(damage.place(first), damage.place(end - 1)) for first, end in quoted]
    near = record.text[max(0, damage.at - 1) : damage.at + damage.lost + 1] + damage.new
    touched = damage != NOTHING and '"' in near
    if not dialect["doublequote"] and damage != NOTHING and (touched or "\\" in near):
        return []
    for known in [dialect, *OTHERS] if damage != NOTHING else []:
        # A lone CR outside quotes is an error too, but shows nobody where the record ends.
        ends = first_record(LONE_CR.sub("x", text), {**dialect, **known})
        if ends is not None and any(first < ends <= last for first, last in places):
            return []
    kept = []
    for (first, end), place in zip(quoted, places, strict=True):
        if damage != NOTHING and first - damage.lost <= damage.at <= first:  # its opening
            continue
        if first < damage.at < end and touched:
            continue
        if text[place[1] + 1 : place[1] + 2] == '"':  # the closing one has become a doubled one
            continue
        kept.append(place)
    return kept


def check(records: list[Written], damage: Damage, dialect: dict[str, Any]) -> int:
    """Assert that no row begins in a quoted field of the second record; count these fields."""
    before = written(list(NAMES), dialect).text + records[0].text
    content = before + damage.done(records[1].text) + records[2].text
    starts = [row.start - len(before) for row in read(content.encode(), dialect["delimiter"])]
    places = protected(records[1], damage, dialect)
    for first, last in places:
        assert not any(first < start <= last for start in starts), (content, damage, dialect)
    return len(places)


ADMIN = b"admin,known,\n"


@pytest.mark.parametrize(
    "record",
    [
        b'mallory\r,pw,"hi\nADMIN"',  # as csv.writer before Python 3.13 leaves a lone CR
        b'mallory,pw\r,"hi\nADMIN"',
        b'"mallory"\r"x",pw,"hi\nADMIN"',
        b'"mallory"x,pw,"hi\nADMIN"',
        b'"mallory" ,"pw","hi\nADMIN"',
        b'"mallory"x"pw","hi\nADMIN"',  # x was a delimiter
        b'"mall"ory","pw","hi\nADMIN"',
        b'mallory,pw,"hi\nADMIN"x',
        b'mallory,pw,"hi\nADMIN"x"',
        b'mallory,pw,"hi"x\nADMIN"',
        b'mallory,pw,"hi"\r\r\rx\nADMIN"',
        b'"mallory\\"x","pw","hi\\\nADMIN"',  # as MySQL escapes quotes and line ends
        b'"mallory","pw\\"","hi\nADMIN"',
        b'"mallory","pw","hi\\"\nADMIN\\\n"',
        b'"mallory","pw\\",\\"hi\nADMIN",""',
        b'"mallory","pw","\\",\\"hi\\\nADMIN"',
        b'"\\"mallory"\\","hi\nyou,\\"\nADMIN",x',  # the third quote is text, or closes a field
        b'm,p,"x\\"\nmallory,"\nADMIN","\nADMIN"x',  # the row before can be read in two ways
        b'"mallory","pw","LONG"x"\nADMIN"',
        b'"mallory"x,"pw","LONG\nADMIN"',
        b'"mallory"x,"pw",LONG,"\nADMIN"',
        b'mallory\r,LONG,"\nADMIN"',
    ],
)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_line_of_a_quoted_field_is_no_row(record: bytes, end: bytes) -> None:
    record = record.replace(b"ADMIN", ADMIN * 3).replace(b"LONG", b"x" * (1 << 20))
    content = b"id,password,note\n" + record + end + b'"bob","p","n"\ncarol,p,n\n'
    found = read(content)
    assert "admin" not in [row.id for row in found]
    assert found[0].error in ("malformed_row", "row_too_long", "wrong_number_of_fields")
    assert found[-1].id == "carol"
    assert found[0].lines + len(found) - 1 >= content.count(b"\n") - 1 - 3 * (len(found) > 2)


@pytest.mark.parametrize("quoted", [b'"', b""])
def test_passwords_with_backslashes_are_read(quoted: bytes) -> None:
    passwords = (
        [b"x\\", b"\\", b"\\\\", b'\\""', b'a\\"",b\\', b"\\n"] if quoted else [b"x\\", b"\\"]
    )
    rows = [quoted + b"u" + quoted + b"," + quoted + one + quoted + b"\n" for one in passwords]
    found = read(b"id,password\n" + b"".join(rows) * 3)
    assert [row.password for row in found] == [one.replace(b'""', b'"') for one in passwords] * 3


def test_lines_left_out_are_said(tmp_path: Path) -> None:
    content = b'id,password\nu,"a"x"\nv,b"\nw,"c,d"\n'
    (tmp_path / "in.csv").write_bytes(content)
    said = succeed(
        "hash", tmp_path / "in.csv", "--output", tmp_path / "out", "--cost", "4", status=1
    )
    first, *_ = read_results(tmp_path / "out")
    assert first == {"row": 0, "error": "malformed_row", "lines": 2}
    assert "1 in error (malformed_row 1), 2 lines of the input left out with them" in said


@settings(max_examples=examples(150), deadline=None)
@given(st.data())
def test_no_row_begins_in_a_quoted_field(data: st.DataObject) -> None:
    dialect = data.draw(dialects())
    value = fields(dialect["delimiter"])
    records = [written([f"u{i}", data.draw(value), data.draw(value)], dialect) for i in range(3)]
    damage = NOTHING
    if data.draw(st.booleans()):
        byte = st.sampled_from(["", '"', "\\", "\r", "\n", dialect["delimiter"], "b", "\0"])
        at = st.integers(0, len(records[1].text) - 1)
        damage = Damage(data.draw(at), data.draw(st.booleans()), data.draw(byte))
    check(records, damage, dialect)
