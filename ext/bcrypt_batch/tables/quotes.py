"""Find the next row of a CSV after a record that is unreadable or ambiguous.

The text of a quoted field may look like rows, and must not become rows. So all possible readings of
the quotes are followed in parallel, and a row begins only where no reading is inside a field.
Readings differ in whether a backslash escapes a quote, whether a lone CR ends a row, and how a
fault in the quoting is understood. A reading with two faults is dropped while others remain.
"""

from __future__ import annotations

import re
from functools import cache

from .lines import Lines

# The states of a reading.
_BEGIN, _PLAIN, _QUOTED = 0, 1, 2  # at a field's start; in an unquoted field; in a quoted field
_ESCAPE = 3  # in a quoted field, after a backslash
_CLOSED = 4  # after a closing quote, or after the first half of a doubled quote
_RETURN = 5  # after a closing quote and CR
_STRAY = 6  # after text that follows a closing quote: a delimiter may be missing between them
_STRAY_ESCAPE = 7  # after a backslash in text that follows a closing quote
# A reading is a state, plus 8 if it has a fault, plus 16 if a backslash escapes. A set of readings
# has a bit for each.
_FAULT, _ESCAPES, _READINGS = 8, 16, 32

_TEXT, _DELIMITER, _QUOTE, _BACKSLASH, _CR, _LF = range(6)
_LATER = (  # for each state and kind of character: the next states, with _FAULT for a fault
    ([_PLAIN], [_BEGIN], [_QUOTED], [_PLAIN], [_BEGIN, _PLAIN], [_BEGIN]),
    ([_PLAIN], [_BEGIN], [_PLAIN], [_PLAIN], [_BEGIN, _PLAIN], [_BEGIN]),
    ([_QUOTED], [_QUOTED], [_CLOSED], [_QUOTED], [_QUOTED], [_QUOTED]),
    ([_QUOTED],) * 6,
    (
        [_FAULT + _QUOTED, _FAULT + _STRAY], [_BEGIN], [_QUOTED],
        [_FAULT + _QUOTED, _FAULT + _STRAY], [_RETURN], [_BEGIN],
    ),
    (
        [_PLAIN, _FAULT + _QUOTED, _FAULT + _STRAY], [_BEGIN, _FAULT + _QUOTED],
        [_QUOTED, _FAULT + _CLOSED], [_PLAIN, _FAULT + _QUOTED, _FAULT + _STRAY],
        [_RETURN], [_BEGIN],
    ),
    ([_STRAY], [_BEGIN], [_QUOTED], [_STRAY], [_BEGIN, _STRAY], [_BEGIN]),
    ([_STRAY], [_BEGIN], [_STRAY], [_STRAY], [_BEGIN, _STRAY], [_BEGIN]),
)  # fmt: skip


def _bits(*readings: int) -> int:
    return sum(1 << reading for reading in readings)


_START = _bits(_BEGIN, _ESCAPES + _BEGIN)
_INSIDE = sum(_bits(kind + _QUOTED, kind + _ESCAPE) for kind in range(0, _READINGS, 8))
_DOUBLED_BEGIN = _bits(_BEGIN)
# The readings that the next quote rules out if it can't close a field.
_FAULTY = sum(_bits(*range(kind, kind + 8)) for kind in (_FAULT, _ESCAPES + _FAULT))
_ESCAPED = _bits(*range(_ESCAPES, _READINGS))

# A quote that may close a field: an even number of quotes is text of the field.
_CLOSING = re.compile(rb'\\"|(?<!")"(?:"")*(?!")')


@cache
def _after(readings: int, kind: int) -> int:
    """Return the readings after one more character."""
    kept = given_up = 0
    for reading in range(_READINGS):
        if not readings >> reading & 1:
            continue
        dialect, fault, state = reading & _ESCAPES, reading & _FAULT, reading & 7
        later = _LATER[state][kind]
        if dialect and kind == _BACKSLASH and state not in (_ESCAPE, _STRAY_ESCAPE):
            # Outside quotes, a backslash may or may not escape.
            later = [at + (at & 7 == _QUOTED) * (_ESCAPE - _QUOTED) for at in later]
            later += [at + _STRAY_ESCAPE - _STRAY for at in later if at & 7 == _STRAY]
        for at in later:
            if fault and at & _FAULT:
                given_up |= 1 << (dialect | at)
            else:
                kept |= 1 << (dialect | fault | at)
    return kept or given_up


def leave_doubtful(lines: Lines, delimiter: str) -> int:
    """Skip lines from the last mark to the next certain start of a row, or to the file's end.

    Returns:
        How many lines were skipped.
    """
    kinds = {'"': _QUOTE, "\\": _BACKSLASH, "\r": _CR, "\n": _LF, delimiter: _DELIMITER}
    special = re.escape("".join(kinds))
    tokens = re.compile(f"[{special}]|[^{special}]+")
    lines.rewind()
    count, readings, looked = 0, _START, 0
    while True:
        before = lines.offset
        decode = lines.decoder()
        for piece in lines.pieces():
            for token in tokens.finditer(decode(piece)):
                readings = _after(readings, kinds.get(token[0], _TEXT))
        if lines.offset == before:
            return count
        count += 1
        inside = readings & _INSIDE
        if not inside:
            return count
        if inside == readings or lines.offset < looked:
            continue
        # A second fault rules a reading out. A first fault rules out a reading in which backslashes
        # escape, if another reading without a fault is outside a field.
        ruled_out = _FAULTY | (_ESCAPED if readings & _DOUBLED_BEGIN else 0)
        if not inside & ~ruled_out:
            may_close, looked = _look_ahead(lines, delimiter)
            if not may_close:
                return count


def _look_ahead(lines: Lines, delimiter: str) -> tuple[bool, int]:
    """Look for the next quote that may close a field, within the length limit of a record.

    Returns:
        Whether there may be such a quote, and the offset up to which the answer holds.
    """
    ends = (delimiter.encode("utf-8", "surrogateescape"), b"\r", b"\n")
    offset = lines.offset
    for line in lines.ahead():
        if found := _CLOSING.search(line):
            closes = found[0].startswith(b"\\") or found.end() == len(line)
            return closes or line.startswith(ends, found.end()), offset + found.end()
        offset += len(line)
        if offset - lines.offset > lines.limit:
            return True, offset
    return False, offset
