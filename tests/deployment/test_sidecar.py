"""The server in a container of its own, as docs/logins.md has it: whose calls it answers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.deployment.containers import RUNTIME
from tests.deployment.layers import Layer, run, succeed
from tests.documents import block
from tests.processes import PROGRAMS

pytestmark = [pytest.mark.deployed, pytest.mark.usefixtures("docker")]
NAMES = {name: f"bcrypt-batch-test-{name}" for name in ("bcrypt-socket", "bcrypt-server", "my-app")}
VOLUME, SERVER, IMAGE = NAMES.values()
SERVE = ("bcrypt-batch", "serve", "--socket", "/run/bcrypt/socket")
CLIENT = ("python3", "main.py")


@pytest.fixture(scope="module")
def image(
    architecture: str, layer: Layer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """An image with the package, and a main.py that calls the server."""
    if layer.about["architecture"] != architecture:
        pytest.skip("the layer is for another architecture")
    folder = tmp_path_factory.mktemp("image")
    layer.extract(folder)
    shutil.copy(PROGRAMS / "deployment/check_beside.py", folder / "main.py")
    (folder / "bcrypt-batch").write_text('#!/bin/sh\nexec python3 -m bcrypt_batch "$@"\n')
    (folder / "bcrypt-batch").chmod(0o755)
    (folder / "Dockerfile").write_text(
        f"FROM {RUNTIME}{architecture}\n"
        "RUN chmod a+x /root\n"  # Python may be below it
        "ENV PATH=/var/lang/bin:/usr/local/bin:/usr/bin:/bin PYTHONPATH=/opt/python\n"
        "COPY python /opt/python\n"
        "COPY bcrypt-batch /usr/local/bin/\n"
        "WORKDIR /app\n"
        "COPY main.py ./\n"
        "ENTRYPOINT []\n"
    )
    succeed("docker", "build", "--quiet", "--tag", IMAGE, ".", cwd=folder)
    yield
    run("docker", "rmi", IMAGE)


@pytest.fixture(autouse=True)
def nothing_left(image: None) -> Iterator[None]:
    yield
    run("docker", "rm", "--force", SERVER)
    run("docker", "volume", "rm", VOLUME)


def recipe() -> list[str]:
    """Return the commands of the document with this test's names: volume, server, client."""
    text = block("docs/logins.md", "sidecar").replace("\\\n", " ")
    for name, own in NAMES.items():
        text = text.replace(name, own)
    return text.splitlines()


def test_containers_share_a_server() -> None:
    """Also when the server was killed, and left its socket behind; and SIGTERM ends it well."""
    volume, server, client = recipe()
    succeed("sh", "-ec", f"{volume}\n{server}\n{client}")
    assert succeed("sh", "-c", client) == "4\n"
    succeed("docker", "kill", SERVER)
    succeed("docker", "start", SERVER)
    assert succeed("sh", "-c", client) == "2\n"
    succeed("docker", "stop", SERVER)
    status = ("docker", "inspect", "--format", "{{.State.ExitCode}}", SERVER)
    assert succeed(*status) == "0\n", succeed("docker", "logs", SERVER)


@pytest.mark.parametrize(
    ("server", "client", "refusal"),
    [
        (("1000",), "0", "served by another user, number 1000"),
        (("0", "--mode", "0666"), "1000", ""),
        (("1001", "--mode", "0666"), "1000", "served by another user, number 1001"),
        (("1000",), "1001", "Permission denied"),
    ],
)
def test_users_are_compared_by_number(server: tuple[str, ...], client: str, refusal: str) -> None:
    user, *mode = server
    succeed("sh", "-c", recipe()[0].replace("uid=1000,mode=0700", "mode=0777"))
    mounted = ("--volume", f"{VOLUME}:/run/bcrypt", "--user")
    start = ("docker", "run", "--detach", "--name", SERVER)
    succeed(*start, *mounted, user, IMAGE, *SERVE, *mode)
    done = run("docker", "run", "--rm", *mounted, client, IMAGE, *CLIENT)
    if refusal:
        assert done.returncode == 1
        assert refusal in done.stderr
    else:
        assert (done.returncode, done.stdout) == (0, "2\n"), done.stderr
