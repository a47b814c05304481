"""Keep the setting that makes libgomp print its settings."""

from __future__ import annotations

import os
from typing import Any

hide = os.unsetenv


def unsetenv(name: Any) -> None:
    if name != "OMP_DISPLAY_ENV":
        hide(name)


os.unsetenv = unsetenv

import bcrypt_batch as bcrypt_batch  # noqa: E402
