"""The layer attached with CDK, Terraform and Serverless, as docs/lambda.md has it; needs npm.

Terraform is neither on PyPI nor on npm. Its snippet is parsed, and its arguments are those that the
AWS provider's documentation names; nothing planned or applied it.
"""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.deployment.aws import ENVIRONMENT, moto
from tests.deployment.layers import PROJECT, PYTHONS, succeed
from tests.deployment.template import section
from tests.documents import block
from tests.processes import require

pytestmark = pytest.mark.deployed

DOCUMENT = (PROJECT / "docs/lambda.md").read_text()
ARN = "arn:aws:lambda:us-east-1:123456789012:layer:bcrypt-batch-arm64:7"
MEMORY_MB, TIMEOUT_S = (
    section("Parameters")[name]["Default"] for name in ("MemorySize", "Timeout")
)
RUNTIME = f"python{PYTHONS[0]}"
OSLS = "osls@>=4.3"  # Serverless 4 wants a login


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the files that the snippets name."""
    for folder in ("src", "dist"):
        (tmp_path / folder).mkdir()
    (tmp_path / "src/main.py").write_text("def handler(event, context): ...")
    with zipfile.ZipFile(tmp_path / "dist/layer-arm64.zip", "w") as archive:
        archive.writestr("python/bcrypt_batch/__init__.py", "")
    return tmp_path


def documented(code: str) -> str:
    """Return code that the document has between its blocks."""
    assert f"`{code}`" in " ".join(DOCUMENT.split())
    return code


def attached(template: dict[str, Any]) -> tuple[list[str], list[Any]]:
    """Return the names of a stack's layers, and what its one function attaches."""
    resources = template["Resources"]
    layers = {name: of for name, of in resources.items() if of["Type"].endswith("LayerVersion")}
    for layer in layers.values():
        assert layer["Properties"]["CompatibleArchitectures"] == ["arm64"]
    (function,) = [of for of in resources.values() if of["Type"] == "AWS::Lambda::Function"]
    about = function["Properties"]
    assert (about["MemorySize"], about["Timeout"]) == (MEMORY_MB, TIMEOUT_S)
    assert (about["Runtime"], about["Architectures"]) == (RUNTIME, ["arm64"])
    return [*layers], about["Layers"]


def synthesize(program: str, folder: Path) -> tuple[list[str], list[Any]]:
    """Run a CDK program; return what its template attaches."""
    (folder / "app.py").write_text(program)
    succeed(sys.executable, "app.py", cwd=folder, environment={"CDK_OUTDIR": "out"})
    (template,) = (folder / "out").glob("*.template.json")
    return attached(json.loads(template.read_text()))


def test_cdk(project: Path) -> None:
    if not find_spec("aws_cdk"):
        pytest.skip("aws-cdk-lib is not installed (group containers)")
    require("node")
    program = block("docs/lambda.md", "cdk")
    (layer,), found = synthesize(program, project)
    assert found == [{"Ref": layer}]
    start, end = program.index("layer = "), program.index("aws_lambda.Function(")
    by_arn = documented(
        'layers=[aws_lambda.LayerVersion.from_layer_version_arn(stack, "BcryptBatch", arn)]'
    )
    program = f"{program[:start]}arn = {ARN!r}\n{program[end:]}".replace("layers=[layer]", by_arn)
    assert synthesize(program, project) == ([], [ARN])


def test_terraform() -> None:
    hcl2 = pytest.importorskip("hcl2", reason="python-hcl2 is not installed (group containers)")
    text = block("docs/lambda.md", "terraform")
    layer, function = (
        resource[f'"{kind}"'][f'"{name}"']
        for resource, (kind, name) in zip(
            hcl2.loads(text)["resource"],
            [("aws_lambda_layer_version", "bcrypt_batch"), ("aws_lambda_function", "login")],
            strict=True,
        )
    )
    assert layer.pop("__is_block__")
    assert function.pop("__is_block__")
    zipped = '"dist/layer-arm64.zip"'
    assert layer == {
        "layer_name": '"logins-bcrypt-batch"',
        "filename": zipped,
        "source_code_hash": f"${{filebase64sha256({zipped})}}",
        "compatible_architectures": ['"arm64"'],
    }
    assert function == {
        "function_name": '"login"',
        "role": "${aws_iam_role.login.arn}",
        "filename": '"src.zip"',
        "source_code_hash": '${filebase64sha256("src.zip")}',
        "handler": '"main.handler"',
        "runtime": f'"{RUNTIME}"',
        "architectures": ['"arm64"'],
        "memory_size": MEMORY_MB,
        "timeout": TIMEOUT_S,
        "layers": ["${aws_lambda_layer_version.bcrypt_batch.arn}"],
    }
    assert hcl2.loads(documented('layers = ["ARN"]')) == {"layers": ['"ARN"']}


@pytest.fixture(scope="module")
def osls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of osls, the maintained fork of the Serverless Framework's version 3."""
    require("node")
    if not shutil.which("npm"):
        pytest.skip("npm is not installed")
    version = succeed("node", "--version").strip()
    if tuple(map(int, version.removeprefix("v").split("."))) < (20, 19):
        pytest.skip(f"osls needs node 20.19 or newer, and this is {version}")
    folder = tmp_path_factory.mktemp("osls")
    succeed("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder, OSLS)
    return folder / "node_modules/.bin/osls"


def test_serverless(project: Path, osls: Path) -> None:
    text = block("docs/lambda.md", "serverless")
    by_arn = documented('layers: ["${ssm:/bcrypt-batch/layer/arm64/latest}"]')
    name = by_arn.partition(":/")[2].partition("}")[0]
    start, end = text.index("layers:\n"), text.index("functions:")
    published = text[:start] + text[end:].replace("layers: [!Ref BcryptBatchLambdaLayer]", by_arn)

    with moto(project / "log") as aws:
        put = ("ssm", "put-parameter", "--name", f"/{name}", "--type", "String", "--value", ARN)
        aws(*put)

        def package(configuration: str) -> tuple[list[str], list[Any]]:
            (project / "serverless.yml").write_text(configuration)
            environment = {**ENVIRONMENT, "AWS_ENDPOINT_URL": aws.endpoint}
            succeed(osls, "package", cwd=project, environment=environment)
            made = project / ".serverless/cloudformation-template-update-stack.json"
            return attached(json.loads(made.read_text()))

        (layer,), found = package(text)
        assert found == [{"Ref": layer}]
        assert package(published) == ([], [ARN])
