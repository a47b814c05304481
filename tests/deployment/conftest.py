"""What the tests of several files share."""

from __future__ import annotations

import pytest

from emulator.function import ARCHITECTURE
from tests.deployment.layers import PROJECT, Layer, read, run


@pytest.fixture(scope="session")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Layer:
    """A layer built on this machine, without a container."""
    folder = tmp_path_factory.mktemp("layer")
    done = run(PROJECT / "build_layer.sh", "--native", "--output", folder)
    if done.returncode and ": needs glibc" in done.stderr:
        pytest.skip("this machine's libgomp is newer than Lambda's glibc: " + done.stderr[-300:])
    assert done.returncode == 0, done.stderr
    return read(folder, ARCHITECTURE)
