"""bcrypt's cipher state in plain Python, so that tests can look for it in memory."""

from __future__ import annotations

import re
from array import array
from itertools import cycle, islice
from pathlib import Path

CONSTANTS = Path(__file__).parent.parent / "ext" / "kernel" / "constants.c"
SUBKEYS = 18


def initial_state() -> list[int]:
    """Return Blowfish's subkeys and S-boxes before any key, from the kernel's constants."""
    return [int(word, 16) for word in re.findall(r"0x([0-9a-f]{8})", CONSTANTS.read_text())]


def state_after(password: bytes, salt: bytes, iterations: int) -> bytes:
    """Return a lane's state as the kernel has it: 18 subkeys, 4 S-boxes, in the CPU's words."""
    key = list(islice(cycle(_words(password + b"\0")), SUBKEYS))
    salt_words = list(islice(cycle(_words(salt)), SUBKEYS))
    state = initial_state()
    _mix(state, key)
    _reschedule(state, salt_words[:4])
    for _ in range(iterations):
        for words in (key, salt_words):
            _mix(state, words)
            _reschedule(state, [0] * 4)
    return array("I", state).tobytes()


def _words(text: bytes) -> list[int]:
    """Return the 32-bit words of a text, repeated until its length is a multiple of four."""
    text *= 4
    return [int.from_bytes(text[i : i + 4], "big") for i in range(0, len(text), 4)]


def _mix(state: list[int], words: list[int]) -> None:
    for i, word in enumerate(words):
        state[i] ^= word


def _reschedule(state: list[int], salt: list[int]) -> None:
    """Replace the state by the chained encryption of the salt, or of zeros."""
    left = right = 0
    for i in range(0, len(state), 2):
        left, right = _encipher(state, left ^ salt[i & 2], right ^ salt[i & 2 | 1])
        state[i : i + 2] = left, right


def _encipher(state: list[int], left: int, right: int) -> tuple[int, int]:
    for subkey in state[: SUBKEYS - 2]:
        left ^= subkey
        mixed = state[18 + (left >> 24)] + state[274 + (left >> 16 & 255)]
        mixed = (mixed ^ state[530 + (left >> 8 & 255)]) + state[786 + (left & 255)]
        left, right = right ^ mixed & 0xFFFFFFFF, left
    return right ^ state[17], left ^ state[16]
