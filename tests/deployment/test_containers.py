"""The way to Lambda in real containers: SAM builds and invokes, moto runs the published layer.

Needs Docker, and images of the Lambda runtimes that it has or can pull; for the other architecture
also qemu. Wheels that cibuildwheel made are taken from the folder that WHEELS names.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from emulator.function import ARCHITECTURE
from tests.deployment.aws import moto
from tests.deployment.containers import RUNTIME, SAM, loop_name
from tests.deployment.layers import (
    MACHINES,
    NEIGHBOURS,
    PROJECT,
    PYTHONS,
    Layer,
    read,
    run,
    succeed,
)
from tests.processes import PROGRAMS

pytestmark = [pytest.mark.deployed, pytest.mark.usefixtures("docker")]


def test_two_compilations_give_the_same_bytes(
    architecture: str, wheel: Path, tmp_path: Path
) -> None:
    """One from cibuildwheel by itself, another from the cibuildwheel of build_layer.sh."""
    build = (PROJECT / "build_layer.sh", "--arch", architecture, "--output")
    print(succeed(*build, tmp_path / "one", "--wheel", wheel))
    print(succeed(*build, tmp_path / "two"))
    one, two = (read(tmp_path / name, architecture) for name in ("one", "two"))
    assert one.file.read_bytes() == two.file.read_bytes()


def invoke(application: Path, architecture: str, event: dict[str, Any]) -> Any:
    file = application / "event.json"
    file.write_text(json.dumps(event))
    return json.loads(
        succeed(
            *("sam", "local", "invoke", f"Function{loop_name(architecture)}"),
            *("--skip-pull-image", "--event", file.name),
            *("--parameter-overrides", f"Architectures={loop_name(architecture)}", "WorkerCount=2"),
            cwd=application,
            environment=SAM,
        )
    )


def test_sam_local_invoke(application: Path, architecture: str) -> None:
    """The other mode and pyca/bcrypt verify the hashes of one mode."""
    passwords = [f"password {i}" for i in range(20)]
    made = {}
    for mode, threads in (("parallel", 2), ("sequential", 1)):
        event = {"mode": mode, "passwords": passwords, "cost": 8}
        made[mode] = invoke(application, architecture, event)
        print(json.dumps({**made[mode], "hashes": "..."}))
        assert made[mode]["mode"] == mode
        assert made[mode]["processed"] == 20
        assert made[mode]["threads_used"] == threads
        assert made[mode]["kernel"].startswith(MACHINES[architecture])
        for password, hashed in zip(passwords, made[mode]["hashes"], strict=True):
            assert bcrypt.checkpw(password.encode(), hashed.encode())
    for mode, other in (("parallel", "sequential"), ("sequential", "parallel")):
        pairs = [
            {"password": password, "hash": hashed}
            for password, hashed in zip(passwords, made[mode]["hashes"], strict=True)
        ]
        pairs[7]["password"] = "another"
        checked = invoke(application, architecture, {"mode": other, "verify": pairs})
        assert checked["matches"] == [i != 7 for i in range(20)]


def test_the_repository_s_events(application: Path, architecture: str) -> None:
    """The events in events/ for sam local invoke; one is enough here."""
    event = json.loads((application / "events/function_url.json").read_text())
    answer = invoke(application, architecture, event)
    assert answer["statusCode"] == 200


def test_all_code_is_uploaded_to_deploy_it(
    application: Path, architecture: str, tmp_path: Path
) -> None:
    """The SAM CLI forgets plain paths in a loop over a parameter; then deploying would fail."""
    if architecture != "arm64":
        pytest.skip("sam package takes the parameters' defaults, which are for arm64")
    packaged = tmp_path / "packaged.json"
    with moto(tmp_path / "log") as aws:
        succeed("aws", "s3", "mb", "s3://code", environment=aws.environment)
        succeed(
            *("sam", "package", "--s3-bucket", "code", "--use-json"),
            *("--output-template-file", packaged),
            cwd=application,
            environment={**SAM, **aws.environment},
        )
    template = json.loads(packaged.read_text())
    uploaded = {name: of for name, of in template["Mappings"].items() if name.startswith("SAM")}
    assert len(uploaded) == 2  # layers, functions
    uris = [uri for of in uploaded.values() for entry in of.values() for uri in entry.values()]
    assert all(uri.startswith("s3://code/") for uri in uris)
    used = json.dumps(template["Resources"])
    for name in uploaded:
        assert f'Uri": {{"Fn::FindInMap": ["{name}"' in used


@pytest.fixture(scope="module")
def neighbours(architecture: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """scikit-learn for the architecture's runtime."""
    folder = tmp_path_factory.mktemp("neighbours")
    succeed(
        *("python", "-m", "pip", "install", "--quiet", "--target", folder, "scikit-learn"),
        *("--only-binary", ":all:", "--python-version", PYTHONS[0], "--implementation", "cp"),
        *(f"--platform=manylinux_2_{glibc}_{MACHINES[architecture]}" for glibc in (28, 27, 17)),
        f"--platform=manylinux2014_{MACHINES[architecture]}",
    )
    return folder


@pytest.mark.parametrize("order", ["first", "second"])
def test_it_gets_along_with_another_openmp(
    application: Path, architecture: str, neighbours: Path, order: str
) -> None:
    """On aarch64, libraries loaded late may lack room for their thread-local data."""
    layer = application / f".aws-sam/build/Layer{loop_name(architecture)}"
    succeed(
        *("docker", "run", "--rm", "--platform", f"linux/{architecture}"),
        *("--volume", f"{layer}:/opt:ro", "--volume", f"{neighbours}:/neighbours:ro"),
        *("--env", "PYTHONPATH=/opt/python:/neighbours", "--entrypoint", "/var/lang/bin/python3"),
        *(RUNTIME + architecture, "-c", NEIGHBOURS, order),
    )


@pytest.fixture
def motos_image(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The runtime as moto expects it: called with handler and event, it prints the answer last."""
    shutil.copy(PROGRAMS / "deployment/entry_point.py", tmp_path / "entry.py")
    (tmp_path / "Dockerfile").write_text(
        f"FROM {RUNTIME}{ARCHITECTURE}\n"
        "COPY entry.py /entry.py\n"
        'ENTRYPOINT ["/var/lang/bin/python3", "/entry.py"]\n'
    )
    image = "bcrypt-batch-moto:latest"
    succeed("docker", "build", "--quiet", "--tag", image, ".", cwd=tmp_path)
    borrowed = bool(run("docker", "image", "inspect", "busybox").returncode)
    if borrowed:  # moto uses it to fill volumes; any image with sleep will do
        succeed("docker", "tag", RUNTIME + ARCHITECTURE, "busybox")
    yield {"MOTO_DOCKER_LAMBDA_IMAGE": image, "MOTO_DOCKER_NETWORK_MODE": "host"}
    if borrowed:
        succeed("docker", "rmi", "busybox")


def test_what_is_published_runs(motos_image: dict[str, str], layer: Layer, tmp_path: Path) -> None:
    """The published layer, attached to a function, invoked: moto runs it in a container."""
    function = tmp_path / "function"
    shutil.make_archive(str(function), "zip", PROJECT / "handler")
    with moto(tmp_path / "log", motos_image) as aws:
        publish = (PROJECT / "publish_layer.sh", "--input", layer.file.parent)
        print(succeed(*publish, environment=aws.environment))
        parameter = f"/bcrypt-batch/layer/{ARCHITECTURE}/{layer.about['version']}"
        arn = aws("ssm", "get-parameter", "--name", parameter)["Parameter"]["Value"]
        aws(
            *("lambda", "create-function", "--function-name", "f"),
            *("--runtime", f"python{PYTHONS[0]}"),
            *("--role", aws.role("r"), "--handler", "app.handler", "--memory-size", "3538"),
            *("--architectures", ARCHITECTURE, "--layers", arn),
            *("--environment", "Variables={WORKER_COUNT=2}"),
            *("--zip-file", f"fileb://{function}.zip"),
        )
        (tmp_path / "event.json").write_text('{"mode": "parallel", "count": 20}')
        about = aws(
            *("lambda", "invoke", "--function-name", "f"),
            *("--payload", f"fileb://{tmp_path}/event.json", str(tmp_path / "answer.json")),
        )
    answer = json.loads((tmp_path / "answer.json").read_text())
    assert about["StatusCode"] == 200, answer
    print(json.dumps({**answer, "hashes": "..."}))
    assert answer["threads_used"] == 2
    assert bcrypt.checkpw(b"password_000019", answer["hashes"][19].encode())


def test_a_canary_tries_what_is_published(
    motos_image: dict[str, str], layer: Layer, tmp_path: Path
) -> None:
    """Parameters name the layer only after its right answer; the function is gone."""
    with moto(tmp_path / "log", motos_image) as aws:
        said = succeed(
            *(PROJECT / "publish_layer.sh", "--input", layer.file.parent),
            *("--canary", aws.role("canary")),
            environment=aws.environment,
        )
        print(said)
        assert f"us-east-1 {ARCHITECTURE}: the canary answered right on python{PYTHONS[0]}" in said
        assert aws("lambda", "list-functions")["Functions"] == []
        parameter = f"/bcrypt-batch/layer/{ARCHITECTURE}/{layer.about['version']}"
        arn = aws("ssm", "get-parameter", "--name", parameter)["Parameter"]["Value"]
        assert said.index("the canary answered right") < said.index(f"{arn}, in {parameter}")
