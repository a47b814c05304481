"""Where the package can't be imported, the message says why, and what to do."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

import bcrypt_batch
from bcrypt_batch import loading
from tests.processes import run_python

PACKAGE = Path(bcrypt_batch.__file__).parent


def refusal(path: Path) -> str:
    """Return the last line of the traceback of an import from this folder or archive."""
    done = run_python("import bcrypt_batch", PYTHONPATH=str(path))
    assert done.returncode == 1, done.stdout
    return done.stderr.splitlines()[-1]


def test_an_archive(tmp_path: Path) -> None:
    """As spark-submit --py-files and zipapp have it: Python blames a circular import."""
    archive = tmp_path / "package.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for source in [*PACKAGE.glob("*.py"), *PACKAGE.glob("_native*.so")]:
            file.write(source, f"bcrypt_batch/{source.name}")
    assert refusal(archive) == (
        f"ImportError: {archive}/bcrypt_batch is in an archive, and Python can't load a compiled "
        "extension from one; install bcrypt_batch, or unpack the archive"
    )


def test_sources_without_their_extension(tmp_path: Path) -> None:
    """A clone that was not built, or a wheel for another machine."""
    folder = tmp_path / "bcrypt_batch"
    folder.mkdir()
    for source in PACKAGE.glob("*.py"):
        (folder / source.name).write_bytes(source.read_bytes())
    assert refusal(tmp_path) == (
        f"ImportError: {folder} has no compiled extension for this Python and machine; install "
        "bcrypt_batch from its wheel, or build it with pip"
    )


def test_an_extension_that_can_not_be_loaded(tmp_path: Path) -> None:
    """The dynamic linker's message stays."""
    test_sources_without_their_extension(tmp_path)
    (tmp_path / "bcrypt_batch/_native.abi3.so").write_bytes(b"for another machine")
    assert "_native.abi3.so" in refusal(tmp_path)


@pytest.mark.parametrize(
    "message",
    [
        "Interpreter change detected - this module can only be loaded into one interpreter per "
        "process.",
        "module bcrypt_batch._native does not support loading in subinterpreters",
    ],
)
def test_a_subinterpreter(message: str) -> None:
    """In the words of Cython, and of Python 3.12 and later."""
    reason = loading.reason_of(ImportError(message, name="bcrypt_batch._native"), str(PACKAGE))
    assert reason == (
        f"bcrypt_batch works in one interpreter of a process ({message}); under mod_wsgi set "
        "WSGIApplicationGroup %{GLOBAL} for each application that uses it"
    )
