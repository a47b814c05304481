"""publish_layer.sh with the real AWS CLI, against moto's server."""

from __future__ import annotations

import base64
import json
import os
import shutil
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emulator.function import ARCHITECTURE
from tests.deployment.aws import Aws, moto
from tests.deployment.layers import MACHINES, PROJECT, Layer, run
from tests.deployment.template import resources

Publish = Callable[..., str]

pytestmark = pytest.mark.deployed  # builds a layer, which takes seconds


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with moto(tmp_path_factory.mktemp("moto") / "log") as running:
        without_containers = json.dumps({"lambda": {"use_docker": False}}).encode()
        config = f"{running.endpoint}/moto-api/config"
        urllib.request.urlopen(config, without_containers, timeout=10).close()
        yield running


@pytest.fixture
def publish(aws: Aws, layer: Layer, tmp_path: Path) -> Publish:
    """Return a function that publishes the layer under a name that only this test uses."""
    name = tmp_path.name

    def call(*arguments: str, status: int = 0, path: str | None = None) -> str:
        done = run(
            PROJECT / "publish_layer.sh",
            *("--input", layer.file.parent, "--name", name),
            *arguments,
            environment=aws.environment if path is None else {**aws.environment, "PATH": path},
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    return call


def test_it_publishes_once_to_each_region(
    publish: Publish, aws: Aws, layer: Layer, tmp_path: Path
) -> None:
    regions = ("--region", "us-east-1", "--region", "eu-west-1")
    first = publish(*regions)
    assert first.count("published version 1") == 2
    again = publish(*regions)
    assert again.count("skipped, version 1 has the same content") == 2
    assert "published" not in again
    architecture = layer.about["architecture"]
    for region in regions[1::2]:
        arn = parameter(aws, tmp_path.name, layer, region)
        assert arn.startswith(f"arn:aws:lambda:{region}:")
        name = f"{tmp_path.name}-{architecture}"
        assert arn.endswith(f":layer:{name}:1")
        get = ("lambda", "get-layer-version", "--version-number", "1", "--layer-name", name)
        about = aws(*get, region=region)
        assert about["CompatibleArchitectures"] == [architecture]
        assert about["CompatibleRuntimes"] == layer.about["runtimes"]
        assert about["LicenseInfo"] == "MIT"
        digest = base64.b64decode(about["Content"]["CodeSha256"])
        assert digest.hex() == layer.about["sha256"]


def parameter(aws: Aws, name: str, layer: Layer, region: str = "us-east-1") -> str:
    """Return the ARN that both parameters have."""
    home = f"/{name}/layer/{layer.about['architecture']}"
    names = (f"{home}/{layer.about['version']}", f"{home}/latest")
    found = aws("ssm", "get-parameters", "--names", *names, region=region)["Parameters"]
    assert sorted(of["Name"] for of in found) == sorted(names)
    (arn,) = {of["Value"] for of in found}
    return str(arn)


def test_the_stack_s_layer_has_another_name() -> None:
    """Whatever the stack's name: otherwise one would take the other's versions for its own."""
    names = {of["Properties"].get("LayerName") for of in resources().values()}
    assert not names & {f"stack-{architecture}" for architecture in MACHINES}
    assert len(names - {None}) == len(MACHINES)


def test_a_staging_layer_leaves_the_parameter_of_another_name_alone(
    publish: Publish, aws: Aws, layer: Layer, tmp_path: Path
) -> None:
    publish()
    before = parameter(aws, tmp_path.name, layer)
    publish("--name", "staging")
    assert parameter(aws, tmp_path.name, layer) == before
    assert ":layer:staging-" in parameter(aws, "staging", layer)


def test_nobody_is_told_of_a_layer_whose_canary_answers_wrong(
    publish: Publish, aws: Aws, layer: Layer, tmp_path: Path
) -> None:
    """moto without containers gives every function moto's own answer."""
    role = aws.role("canary")
    said = publish("--public", "--canary", role, status=1)
    assert "answered SimpleLambdahappypathOK; that version was not shared" in said
    names = ("--layer-name", f"{tmp_path.name}-{layer.about['architecture']}")
    assert len(aws("lambda", "list-layer-versions", *names)["LayerVersions"]) == 1
    assert aws("lambda", "list-functions")["Functions"] == []
    assert not aws("ssm", "describe-parameters", "--filters", f"Key=Name,Values=/{tmp_path.name}/")[
        "Parameters"
    ]
    policy = ("lambda", "get-layer-version-policy", "--version-number", "1", *names)
    with pytest.raises(AssertionError, match="ResourceNotFoundException"):
        aws(*policy)
    assert "would try arn:aws:lambda:" in publish("--dry-run", "--canary", role)


def test_permission_is_given_once(publish: Publish, aws: Aws, layer: Layer, tmp_path: Path) -> None:
    for _ in range(2):
        publish("--public")
    publish("--organization", "o-abcde12345")
    policy = aws(
        *("lambda", "get-layer-version-policy", "--version-number", "1"),
        *("--layer-name", f"{tmp_path.name}-{layer.about['architecture']}"),
    )
    statements = json.loads(policy["Policy"])["Statement"]
    assert [statement["Sid"] for statement in statements] == ["use-everyone", "use-o-abcde12345"]
    assert statements[1]["OrganizationId"] == "o-abcde12345"


def test_a_dry_run_changes_nothing(
    publish: Publish, aws: Aws, layer: Layer, tmp_path: Path
) -> None:
    name = f"{tmp_path.name}-{layer.about['architecture']}"
    assert f"would publish {layer.file} as a new version of {name}" in publish("--dry-run")
    assert not aws("lambda", "list-layer-versions", "--layer-name", name)["LayerVersions"]
    publish()
    said = publish("--dry-run", "--public")
    assert "would run aws lambda add-layer-version-permission" in said
    assert "would run aws ssm put-parameter" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--arch", "sparc"], "--arch must be arm64, x86_64 or all, not 'sparc'"),
        (["--organization", "me"], "--organization takes an ID such as o-abcde12345, not 'me'"),
        (["--input", "/nowhere"], "there is no layer in /nowhere; run ./build_layer.sh"),
        (["--region"], "--region needs a value"),
        (["--canary", ""], "--canary needs a value"),
        (["--region", "eu west"], "--region takes one such as eu-central-1, not 'eu west'"),
        (["--public", "--organization", "o-abcde12345"], "exclude each other"),
        (["--canary", "me"], "--canary takes a role such as arn:aws:iam::"),
        (["--name", "a/b"], "--name takes up to 40 letters"),
        (["--fast"], "unknown option --fast"),
    ],
)
def test_wrong_arguments_are_named(publish: Publish, arguments: list[str], message: str) -> None:
    assert message in publish(*arguments, status=1)


def test_a_question_that_fails_publishes_nothing(
    publish: Publish, aws: Aws, tmp_path: Path
) -> None:
    """The script can't know then whether the same layer exists already."""
    layer = f"{tmp_path.name}-{ARCHITECTURE}"
    publish()
    path = f"{Path(sys.prefix) / 'bin'}:{os.environ['PATH']}"
    real = shutil.which("aws", path=path)
    wrapper = tmp_path / "aws"
    for question in ("list-layer-versions", "Content.CodeSha256"):
        script = f'case "$*" in *{question}*) echo denied >&2; exit 254 ;; esac\nexec {real} "$@"\n'
        wrapper.write_text(f"#!/bin/sh\n{script}")
        wrapper.chmod(0o755)
        assert "denied" in publish(status=254, path=f"{tmp_path}:{path}")
        there = aws("lambda", "list-layer-versions", "--layer-name", layer)
        assert [version["Version"] for version in there["LayerVersions"]] == [1]


@pytest.mark.parametrize("key", ["license", "runtimes", "version"])
def test_a_description_that_lacks_something_is_refused(
    publish: Publish, layer: Layer, tmp_path: Path, key: str
) -> None:
    shutil.copy(layer.file, tmp_path)
    described = json.loads(layer.file.with_suffix(".json").read_text())
    (tmp_path / layer.file.with_suffix(".json").name).write_text(
        json.dumps({name: value for name, value in described.items() if name != key})
    )
    assert f"has no {key}; run ./build_layer.sh again" in publish(
        "--input", str(tmp_path), status=1
    )


def test_a_zip_that_is_not_the_described_one_is_refused(
    publish: Publish, layer: Layer, tmp_path: Path
) -> None:
    copy = Path(shutil.copy(layer.file, tmp_path))
    shutil.copy(layer.file.with_suffix(".json"), tmp_path)
    copy.write_bytes(copy.read_bytes() + b"more")
    assert f"does not describe {copy}" in publish("--input", str(tmp_path), status=1)
