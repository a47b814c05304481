"""Fixtures that several test files share."""

from __future__ import annotations

import json
import os
import shutil
import sys
from importlib.metadata import distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from emulator.function import ARCHITECTURE
from tests.deployment.containers import RUNTIME, SAM, loop_name
from tests.deployment.layers import MACHINES, PROJECT, Layer, read, run, succeed


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
def source(tmp_path_factory: pytest.TempPathFactory) -> tuple[str | Path, ...]:
    """The source of a layer: the wheel that is installed here, or a new build if it is gone."""
    wheel = installed_wheel(tmp_path_factory.mktemp("wheel"))
    return ("--native", "--wheel", wheel) if wheel else ("--native",)


@pytest.fixture(scope="session")
def layer(source: tuple[str | Path, ...], tmp_path_factory: pytest.TempPathFactory) -> Layer:
    folder = tmp_path_factory.mktemp("layer")
    done = run(PROJECT / "build_layer.sh", *source, "--output", folder)
    if done.returncode and ": needs glibc" in done.stderr:
        pytest.skip("this machine's libgomp is newer than Lambda's glibc: " + done.stderr[-300:])
    assert done.returncode == 0, done.stderr
    return read(folder, ARCHITECTURE)


@pytest.fixture(scope="session")
def docker() -> None:
    """Skip the tests before a layer or anything else is set up for them."""
    if not (Path(sys.prefix) / "bin" / "sam").exists():
        pytest.skip("the SAM CLI is not installed; make containers installs it")
    if not shutil.which("docker") or run("docker", "info").returncode:
        pytest.skip("Docker is not there or does not answer")


@pytest.fixture(scope="session", params=MACHINES)
def architecture(docker: None, request: pytest.FixtureRequest) -> str:
    """Each architecture that this machine can run containers of."""
    name = str(request.param)
    if name != ARCHITECTURE and not os.environ.get("EMULATED"):
        pytest.skip("emulated (EMULATED=1): minutes each, and Lambda's emulator hangs at times")
    trial = ("docker", "run", "--rm", "--platform", f"linux/{name}", "--entrypoint", "/bin/true")
    done = run(*trial, RUNTIME + name)
    if done.returncode:
        pytest.skip(f"no container of {RUNTIME}{name} can run here: {done.stderr.strip()[-200:]}")
    return name


@pytest.fixture(scope="session")
def wheel(architecture: str) -> Path:
    """The architecture's wheel, as cibuildwheel made it."""
    folder = os.environ.get("WHEELS")
    if not folder:
        pytest.skip("WHEELS does not name a folder of wheels")
    (file,) = Path(folder).resolve().glob(f"*-abi3-manylinux*_{MACHINES[architecture]}.whl")
    return file


@pytest.fixture(scope="session")
def application(
    architecture: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Path:
    """A copy of this project's working tree in which sam has built the application.

    This machine's architecture is compiled in the container; compiling under qemu takes many
    minutes, so the other one takes its wheel.
    """
    folder = tmp_path_factory.mktemp("application") / "copy"
    names = succeed("git", "ls-files", "--cached", "--others", "--exclude-standard").split()
    for name in filter(lambda name: (PROJECT / name).is_file(), names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, folder / name)
    options = []
    if architecture == ARCHITECTURE:
        succeed("make", ".venv/.made", cwd=folder)  # sam copies what make has left there, too
    else:
        file = shutil.copy(request.getfixturevalue("wheel"), folder)
        options = ["--container-env-var", f"WHEEL={Path(file).name}"]
    succeed(
        *("sam", "build", "--use-container", "--skip-pull-image", *options),
        *("--parameter-overrides", f"Architectures={loop_name(architecture)}"),
        cwd=folder,
        environment=SAM,
    )
    return folder
