"""Where a CSV's record ends that is too long to be held.

What stands in a quoted field is somebody's text, and may look like rows: it must not become some.
"""

from __future__ import annotations

from codecs import getincrementaldecoder

from .source import Lines

_BEGIN, _PLAIN, _QUOTED, _CLOSED, _OVER = range(5)  # of a field, where a reader stands


def leave_record(lines: Lines, delimiter: str) -> bool:
    """Leave out a record that is too long, up to where its quote is closed.

    Returns:
        Whether it was closed. If the next quote of the file can't do that, however far it is, only
        the record's first line is left out.
    """
    # Its first line alone is too long, or its quote is open: no other line is asked for.
    state = _QUOTED if lines.taken else _leave_line(lines, _BEGIN, delimiter)
    if state == _QUOTED and not lines.may_close(delimiter):
        lines.rewind_to_second()
        return False
    while state == _QUOTED:
        state = _leave_line(lines, state, delimiter)
    return True


def _leave_line(lines: Lines, state: int, delimiter: str) -> int:
    decode = getincrementaldecoder("utf-8")("surrogateescape").decode
    before = lines.offset
    for piece in lines.pieces():
        state = _after(decode(piece), state, delimiter)
    return state if lines.offset > before else _OVER


def _after(text: str, state: int, delimiter: str) -> int:
    """Return where a reader stands after some more of a line."""
    at = 0
    while at < len(text) and state != _OVER:
        if state in (_QUOTED, _PLAIN):
            at = text.find('"' if state == _QUOTED else delimiter, at) + 1
            if not at:
                break
            state = _CLOSED if state == _QUOTED else _BEGIN
            continue
        if text[at] == '"':
            state = _QUOTED
        elif text[at] == delimiter:
            state = _BEGIN
        else:  # the line's end, or what may not follow a closed quote
            state = _PLAIN if state == _BEGIN else _OVER
        at += 1
    return state
