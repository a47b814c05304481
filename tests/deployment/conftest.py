"""What the tests of several files share."""

from __future__ import annotations

import json
from importlib.metadata import distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from emulator.function import ARCHITECTURE
from tests.deployment.layers import PROJECT, Layer, read, run, succeed


def installed_wheel(folder: Path) -> Path | None:
    """Return the wheel that the installed package came from, with its libgomp."""
    url = json.loads(distribution("bcrypt-batch").read_text("direct_url.json") or "{}").get("url")
    wheel = Path(unquote(urlsplit(url or "").path))
    if wheel.suffix != ".whl" or not wheel.exists():
        return None
    if "manylinux" in wheel.name:
        return wheel
    succeed("auditwheel", "repair", "--strip", "--wheel-dir", folder, wheel)
    (repaired,) = folder.glob("*.whl")
    return repaired


@pytest.fixture(scope="session")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Layer:
    """A layer of the wheel that is installed here; of one that is built, where that is gone."""
    folder = tmp_path_factory.mktemp("layer")
    wheel = installed_wheel(folder)
    source = ("--wheel", wheel) if wheel else ("--native",)
    done = run(PROJECT / "build_layer.sh", *source, "--output", folder)
    if done.returncode and ": needs glibc" in done.stderr:
        pytest.skip("this machine's libgomp is newer than Lambda's glibc: " + done.stderr[-300:])
    assert done.returncode == 0, done.stderr
    return read(folder, ARCHITECTURE)
