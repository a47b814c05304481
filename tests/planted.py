"""Markers planted in events, and their forms that must not appear in any output."""

from __future__ import annotations

import base64
import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

MARKER = "hunter2"
MARKERS: list[Any] = [
    MARKER,
    f"{MARKER}\ud800",  # not UTF-8 either
    f"$2b$04${MARKER}",
    base64.b64encode(MARKER.encode()).decode(),
    base64.b64encode(MARKER.encode()).decode().rstrip("="),
    8675309,
    -8675309,
    8675309.25,
]
FORMS = (MARKER, "aHVudGVyMg", "8675309")  # must not appear, in whatever encoding


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each value within a JSON value."""
    yield path
    if isinstance(value, (dict, list)):
        for key, below in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(below, (*path, key))


@st.composite
def planted(draw: st.DrawFn, good: Any) -> Any:
    """A marker instead of a value, within a value, or as a name; anywhere."""
    marker = draw(st.sampled_from(MARKERS))
    value = draw(st.sampled_from([marker, [marker], {"password": marker}, {str(marker): 1}]))
    event = copy.deepcopy(good)
    path = draw(st.sampled_from(list(places(event))))
    if not path:
        return value
    parent = event
    for key in path[:-1]:
        parent = parent[key]
    if isinstance(parent, dict) and draw(st.booleans()):
        parent[str(marker)] = parent.pop(path[-1]) if draw(st.booleans()) else value
    else:
        parent[path[-1]] = value
    return event
