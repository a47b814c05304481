"""Detect missing values of tables without importing the libraries that define them."""

from __future__ import annotations

# Library and type of values that comparing doesn't detect: pandas.NA == pandas.NA isn't a bool.
MARKERS = (("pandas", "NAType"), ("pandas", "NaTType"), ("numpy", "MaskedConstant"))


def is_missing(value: object) -> bool:
    """Return whether a value is a NaN, pandas.NA, NaT, numpy.ma.masked or a null scalar of Arrow.

    A NaN of any kind is not equal to itself.
    """
    kind = type(value)
    library = kind.__module__.partition(".")[0]
    if library == "pyarrow":
        return getattr(value, "is_valid", True) is False
    if (library, kind.__name__) in MARKERS:
        return True
    try:
        if value != value:
            return True
    except Exception:  # an array, which is neither true nor false; a signaling NaN
        pass
    return False
