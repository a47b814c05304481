"""The zip of a Web Function, made as docs/lambda.md has it; needs PyPI."""

from __future__ import annotations

import os
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

import bcrypt_batch
from tests.deployment.layers import succeed
from tests.documents import block

pytestmark = pytest.mark.deployed
NAME = f"bcrypt_batch-{bcrypt_batch.__version__}"
ABOUT = {
    "METADATA": f"Metadata-Version: 2.1\nName: bcrypt-batch\nVersion: {bcrypt_batch.__version__}\n",
    "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp311-abi3-manylinux_2_28_aarch64\n",
    "RECORD": "",
}


def test_the_zip_has_all_that_main_py_imports_for_arm64(tmp_path: Path) -> None:
    """The wheel stands in for cibuildwheel's, which takes a container and minutes."""
    (tmp_path / "main.py").write_text(block("docs/logins.md", "fastapi"))
    (tmp_path / "wheelhouse").mkdir()
    wheel = tmp_path / "wheelhouse" / f"{NAME}-cp311-abi3-manylinux_2_28_aarch64.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("bcrypt_batch/__init__.py", "")
        for name, text in ABOUT.items():
            archive.writestr(f"{NAME}.dist-info/{name}", text)
    commands = block("docs/lambda.md", "web-function")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    assert shutil.which("pip", path=path)
    succeed("bash", "-ec", commands, cwd=tmp_path, environment=environment)
    names = zipfile.ZipFile(tmp_path / "build/web.zip").namelist()
    wanted = {"main.py", "bcrypt_batch/__init__.py", "fastapi/__init__.py"}
    assert wanted | {"python_multipart/__init__.py"} <= {*names}
    compiled = [name for name in names if name.endswith(".so")]
    assert compiled
    assert [name for name in compiled if "aarch64" not in name and "abi3" not in name] == []
