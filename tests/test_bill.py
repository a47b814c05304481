"""The bills of materials (PEP 770) in the wheel that is installed here."""

from __future__ import annotations

import json
from importlib.metadata import PackagePath, distribution
from typing import Any

import pytest

import bcrypt_batch


def installed() -> list[PackagePath]:
    """Return the files of the package."""
    return distribution("bcrypt-batch").files or []


def bills() -> dict[str, Any]:
    """Return the content of each bill by its name."""
    found = [file for file in installed() if file.parent.name == "sboms"]
    return {file.name: json.loads(file.read_text()) for file in found}


def test_it_names_the_package_and_what_is_compiled_in() -> None:
    bill = bills()["bcrypt-batch.cdx.json"]
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    package = bill["metadata"]["component"]
    assert package["purl"] == f"pkg:pypi/bcrypt-batch@{bcrypt_batch.__version__}"
    assert package["licenses"] == [{"expression": "MIT"}]
    (cython,) = bill["components"]
    assert cython["purl"] == f"pkg:pypi/cython@{cython['version']}"
    assert cython["version"].startswith("3.")
    assert cython["licenses"] == [{"expression": "Apache-2.0"}]
    references = [package["bom-ref"], cython["bom-ref"]]
    assert [each["ref"] for each in bill["dependencies"]] == references
    # These would differ from one build to the next.
    assert not {"timestamp", "serialNumber"} & {*bill, *bill["metadata"]}


def test_a_bundled_libgomp_is_in_the_bill_of_auditwheel() -> None:
    """auditwheel asks the machine's package manager, whose packages may be called libgomp1."""
    if not [file for file in installed() if file.match("bcrypt_batch.libs/libgomp-*")]:
        pytest.skip("this wheel bundles no libgomp; auditwheel didn't repair it")
    if not (bill := bills().get("auditwheel.cdx.json")):
        pytest.skip("auditwheel made no bill: no package of this machine owns libgomp")
    (libgomp,) = [each for each in bill["components"] if each["name"].startswith("libgomp")]
    assert libgomp["version"]
