"""What setup.py builds for which Python, and what it refuses."""

from __future__ import annotations

import json
import re
import runpy
import sys
import sysconfig
import types
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parent.parent


# Else like this Python: modules that setup.py imports look there too.
PYPY = types.SimpleNamespace(**(vars(sys.implementation) | {"name": "pypy"}))


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("setuptools", reason="setuptools is not installed")
    pytest.importorskip("Cython", reason="Cython is not installed (group build)")
    monkeypatch.chdir(PROJECT)


@pytest.mark.parametrize(
    ("faked", "said"),
    [
        ({"platform": "win32"}, r"Windows isn't supported\..* Linux or macOS\. Install it in WSL"),
        ({"platform": "freebsd14"}, r"freebsd14 isn't supported\..* in a Linux container"),
        ({"implementation": PYPY}, r"pypy isn't .* Use CPython\."),
        ({"maxsize": 2**31 - 1}, r"\(32 bits, little-endian\) isn't supported\."),
        ({"byteorder": "big"}, r"\(64 bits, big-endian\) isn't supported\..* Use x86_64 or arm64"),
    ],
)
def test_a_platform_without_support_is_named(
    monkeypatch: pytest.MonkeyPatch, faked: dict[str, object], said: str
) -> None:
    for name, value in faked.items():
        monkeypatch.setattr(sys, name, value)
    with pytest.raises(SystemExit, match=f"^bcrypt_batch can't be built: .*{said}") as ended:
        runpy.run_path("setup.py")
    assert "\n" not in str(ended.value)


def arguments_of_setup(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what setup.py calls setup with; nothing is compiled."""
    monkeypatch.setattr("Cython.Build.cythonize", lambda extensions, **_: extensions)
    given: dict[str, Any] = {}
    monkeypatch.setattr("setuptools.setup", given.update)
    runpy.run_path("setup.py")
    return given


def test_the_makefile_leaves_out_the_same_files_for_macos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    (extension,) = arguments_of_setup(monkeypatch)["ext_modules"]
    (line,) = re.findall(r"^MACOS_C := .*", Path("Makefile").read_text(), re.MULTILINE)
    rooms = {*Path("ext/engine").glob("*.c"), *Path("ext/kernel").glob("*.c")}
    missing = {file.name for file in rooms if str(file) not in extension.sources}
    assert {*re.findall(r"%/(\w+\.c)", line)} == missing


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_macos_gets_no_server_no_openmp_and_nothing_for_linux_linkers(
    monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    monkeypatch.delenv("CFLAGS", raising=False)
    monkeypatch.setattr(sys, "platform", platform)
    (extension,) = arguments_of_setup(monkeypatch)["ext_modules"]
    linux = platform == "linux"
    rooms = [f"ext/{room}/*.c" for room in ("bcrypt_batch", "engine", "kernel")]
    expected = {str(file) for pattern in rooms for file in Path().glob(pattern)}
    if not linux:
        expected -= {"ext/bcrypt_batch/start_up.c", "ext/engine/server.c"}
        expected -= {"ext/engine/connections.c"}
    assert {*extension.sources} == {"ext/bcrypt_batch/_native.pyx", *expected}
    assert ("-fopenmp" in extension.extra_compile_args) == linux
    assert ("-DBB_NO_SERVER" in extension.extra_compile_args) != linux
    assert bool(extension.extra_link_args) == linux


@pytest.mark.parametrize(("free_threaded", "limited"), [(0, True), (1, False)])
def test_one_binary_serves_all_versions_but_those_without_a_gil(
    monkeypatch: pytest.MonkeyPatch, free_threaded: int, limited: bool
) -> None:
    """Their header refuses the Limited API before Python 3.15."""
    monkeypatch.setitem(sysconfig.get_config_vars(), "Py_GIL_DISABLED", free_threaded)
    given = arguments_of_setup(monkeypatch)
    (extension,) = given["ext_modules"]
    assert dict(extension.define_macros) == ({"Py_LIMITED_API": "0x030b0000"} if limited else {})
    assert extension.py_limited_api == limited
    wheel = {"bdist_wheel": {"py_limited_api": "cp311"}}
    assert given["options"] == (wheel if limited else {})


def test_each_wheel_gets_a_bill_of_materials(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """test_bill.py reads the one that is installed."""
    setuptools = pytest.importorskip("setuptools")
    monkeypatch.setattr(sys, "argv", ["setup.py", "bdist_wheel"])
    about = {"name": "some-package", "version": "1.2", "license_expression": "MIT"}
    (tmp_path / "egg-info").mkdir()
    for name in ("PKG-INFO", "dependency_links.txt"):
        (tmp_path / "egg-info" / name).touch()
    command = arguments_of_setup(monkeypatch)["cmdclass"]["bdist_wheel"]
    made = command(setuptools.Distribution(about))
    made.egg2dist(str(tmp_path / "egg-info"), str(tmp_path / "dist-info"))
    bill = json.loads((tmp_path / "dist-info/sboms/bcrypt-batch.cdx.json").read_text())
    package, (cython,) = bill["metadata"]["component"], bill["components"]
    assert package["purl"] == "pkg:pypi/some-package@1.2"
    assert package["licenses"] == [{"expression": "MIT"}]
    assert cython["purl"] == f"pkg:pypi/cython@{version('cython')}"
    assert bill["dependencies"][0] == {"ref": package["bom-ref"], "dependsOn": [cython["bom-ref"]]}


def test_without_a_compiler_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler -pthread")
    with pytest.raises(SystemExit, match=r"no-such-compiler is not on PATH\. .*install gcc"):
        runpy.run_path("setup.py")


def test_without_headers_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CC", sys.executable)
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path))
    with pytest.raises(SystemExit, match=r"Python\.h is missing\. .*python3-dev"):
        runpy.run_path("setup.py")


class Cythonized(Exception):
    """The build went on."""


@pytest.mark.parametrize("command", ["sdist", "egg_info"])
def test_an_sdist_needs_no_compiler(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    def cythonize(*_: object, **__: object) -> None:
        raise Cythonized

    monkeypatch.setattr("Cython.Build.cythonize", cythonize)
    monkeypatch.setenv("CC", "no-such-compiler")
    monkeypatch.setattr(sys, "argv", ["setup.py", command])
    with pytest.raises(Cythonized):
        runpy.run_path("setup.py")
