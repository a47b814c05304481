"""The system's libxcrypt through ctypes: an implementation that shares no code with ours."""

from __future__ import annotations

import ctypes

import pytest

OUTPUT_BYTES = 384  # CRYPT_OUTPUT_SIZE in crypt.h
DATA_BYTES = 32768  # sizeof (struct crypt_data)


def load() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL("libcrypt.so.1")
        library.crypt_rn.restype = ctypes.c_char_p
        library.crypt_preferred_method.restype = ctypes.c_char_p  # libxcrypt only, not old glibc's
    except (OSError, AttributeError):
        return None
    return library


_library = load()
required = pytest.mark.skipif(
    _library is None, reason="no libxcrypt (libcrypt.so.1) on this system"
)


def crypt(password: bytes, setting: bytes) -> bytes:
    """Return the hash; the password ends at its first NUL byte."""
    assert _library is not None
    data = ctypes.create_string_buffer(DATA_BYTES)
    output = _library.crypt_rn(password, setting, data, DATA_BYTES)
    if output is None:
        raise ValueError("libxcrypt refuses the setting")
    return bytes(output)
