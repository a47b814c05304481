"""Files that can't read the Python versions from pyproject.toml name the same versions."""

from __future__ import annotations

import re

import pytest

from tests.deployment.layers import PROJECT, PYPROJECT, PYTHONS
from tests.deployment.template import functions, resources, section

OLDEST = PYPROJECT["project"]["requires-python"].removeprefix(">=")
CLASSIFIERS = "\n".join(PYPROJECT["project"]["classifiers"])
TESTED = re.findall(r"^Programming Language :: Python :: (3\.\d+)$", CLASSIFIERS, re.MULTILINE)
WHEELS: list[str] = PYPROJECT["tool"]["cibuildwheel"]["build"]
FREE_THREADED = [f"3.{wheel[3:6]}" for wheel in WHEELS if wheel.endswith("t-*")]
RUNTIMES = [f"python{version}" for version in PYTHONS]


def in_order(version: str) -> int:
    return int(version.partition(".")[2])


def text(name: str) -> str:
    return (PROJECT / name).read_text()


def test_the_templates() -> None:
    for file in ("template.yaml", "benchmarks/template.yaml"):
        assert section("Globals", file)["Function"]["Runtime"] == RUNTIMES[0]
        assert not [name for name, of in functions(file).items() if "Runtime" in of["Properties"]]
    for function in functions("statemachine/template.yaml").values():
        assert function["Properties"]["Runtime"] == RUNTIMES[0]
    layers = [of["Properties"] for of in resources().values() if "LayerName" in of["Properties"]]
    assert len(layers) == 2
    for layer in layers:
        assert layer["CompatibleRuntimes"] == RUNTIMES
        assert layer["Description"].endswith(f" from {min(PYTHONS, key=in_order)} on")


def test_the_bytecode_of_functions() -> None:
    assert f"\nPYTHONS ?= {' '.join(RUNTIMES)}\n" in text("handler/Makefile")


def test_the_workflows() -> None:
    """Every version of the classifiers is tested; releases are made with Lambda's first."""
    if not (PROJECT / ".github").exists():
        pytest.skip("an sdist has no workflows")
    matrix = ", ".join(f'"{version}"' for version in TESTED)
    assert f"        python: [{matrix}]\n" in text(".github/workflows/ci.yml")
    for workflow in ("build", "ci"):
        used = re.findall(r'python-version: "(3[^"]*)"', text(f".github/workflows/{workflow}.yml"))
        assert set(used) == {PYTHONS[0]}


def test_the_document_of_the_layer() -> None:
    *others, newest = sorted(PYTHONS, key=in_order)
    assert f"for Python {', '.join(others)} and {newest}. It has" in text("docs/lambda.md")


def test_the_table_of_platforms() -> None:
    table = text("docs/api.md").partition("### Platforms")[2].partition("###")[0]
    assert f"CPython {OLDEST} to {TESTED[-1]} |" in table
    assert f"free-threaded {' and '.join(FREE_THREADED)} |" in table


def test_those_without_a_gil() -> None:
    """CI tests those with wheels; a release has them for glibc, musl and macOS, on two machines."""
    if not (PROJECT / ".github").exists():
        pytest.skip("an sdist has no workflows")
    matrix = ", ".join(f'"{version}"' for version in FREE_THREADED)
    assert f"        python: [{matrix}]\n" in text(".github/workflows/ci.yml")
    assert f'wc -l)" = {len(WHEELS) * 3 * 2}\n' in text(".github/workflows/release.yml")


def test_the_oldest() -> None:
    """One binary for it and every later version."""
    assert sorted({OLDEST, *PYTHONS, *TESTED}, key=in_order) == TESTED
    assert TESTED[0] == OLDEST
    minor = in_order(OLDEST)
    assert f'LIMITED_API = "0x03{minor:02x}0000"' in text("setup.py")
    assert f'"py_limited_api": "cp3{minor}"' in text("setup.py")
    assert WHEELS[0] == f"cp3{minor}-*"
    assert f'WHEEL_FOR_LAMBDA="cp3{minor}-manylinux_*"' in text("build_layer.sh")
    assert f'CIBW_BUILD="cp3{minor}-manylinux_*"' in text(".ci/run")
    assert PYPROJECT["tool"]["ruff"]["target-version"] == f"py3{minor}"
    assert f"sys.version_info < (3, {minor}) " in text("Makefile")
