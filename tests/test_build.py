"""What setup.py refuses to build."""

from __future__ import annotations

import runpy
import sysconfig
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent


def test_free_threaded_python_is_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the Limited API's header does not compile: better to say so than to fail on it."""
    pytest.importorskip("setuptools", reason="setuptools is not installed")
    pytest.importorskip("Cython", reason="Cython is not installed (group build)")
    monkeypatch.setitem(sysconfig.get_config_vars(), "Py_GIL_DISABLED", 1)
    monkeypatch.chdir(PROJECT)
    with pytest.raises(SystemExit, match=r"can't be built for free-threaded Python: .*Limited API"):
        runpy.run_path("setup.py")
