"""sam deploy and sam delete as in the documents, against ministack.

The tests show that the template becomes a stack whose functions run with their layer. ministack
lacks IAM's decisions, REPORT lines, reserved concurrency, and Lambda's CPUs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from emulator import sizes
from emulator.function import ARCHITECTURE
from tests.deployment.aws import Aws, ministack
from tests.deployment.containers import SAM, loop_name
from tests.deployment.layers import succeed

pytestmark = [pytest.mark.deployed, pytest.mark.usefixtures("docker")]

EVENT = {"mode": "parallel", "count": 20, "cost": 8}


class Stack:
    """The deployed stack of one architecture.

    Attributes:
        name: The function's name.
        loop: The architecture's name in the template's loops.
        said: The output of the latest sam deploy.
    """

    def __init__(self, aws: Aws, application: Path, architecture: str) -> None:
        self.aws = aws
        self.name = f"bcrypt-batch-{architecture}"
        self.loop = loop_name(architecture)
        self.said = ""
        self._parameters = {"Architectures": self.loop}
        self._application = application

    def sam(self, *words: str) -> str:
        environment = {**SAM, **self.aws.environment}
        return succeed("sam", *words, cwd=self._application, environment=environment)

    def deploy(self, **parameters: str) -> dict[str, str]:
        """Deploy with these parameters and all earlier ones; return the outputs."""
        self._parameters |= parameters
        given = [f"{name}={value}" for name, value in self._parameters.items()]
        overrides = ("--parameter-overrides", *given)
        self.said = self.sam("deploy", "--no-confirm-changeset", *overrides)
        (stack,) = self.aws("cloudformation", "describe-stacks", "--stack-name", "bcrypt-batch")[
            "Stacks"
        ]
        assert stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
        return {found["OutputKey"]: found["OutputValue"] for found in stack["Outputs"]}

    def configuration(self, *more: str) -> dict[str, Any]:
        """Return the function's configuration from Lambda."""
        found: dict[str, Any] = self.aws(
            "lambda", "get-function-configuration", "--function-name", self.name, *more
        )
        return found

    def move_alias(self) -> None:
        """Move the alias after a parameter changed: SAM does so for code and layer only."""
        function = ("--function-name", self.name)
        version = self.aws("lambda", "publish-version", *function)["Version"]
        alias = ("--name", "live", "--function-version", version)
        self.aws("lambda", "update-alias", *function, *alias)

    def invoke(self, function: str) -> dict[str, Any]:
        event, answer = (self._application / name for name in ("event.json", "answer.json"))
        event.write_text(json.dumps(EVENT))
        self.aws(
            *("lambda", "invoke", "--function-name", function),
            *("--payload", f"fileb://{event}", str(answer)),
        )
        found: dict[str, Any] = json.loads(answer.read_text())
        return found


@pytest.fixture(scope="module")
def stack(
    application: Path, architecture: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    with ministack(tmp_path_factory.mktemp("ministack") / "log") as aws:
        yield Stack(aws, application, architecture)


def runs_here(architecture: str) -> bool:
    """ministack runs functions as processes of this machine, whatever their architecture."""
    return architecture == ARCHITECTURE


def test_the_defaults(stack: Stack, architecture: str) -> None:
    outputs = stack.deploy()
    assert outputs[f"Function{stack.loop}Arn"].endswith(f":function:{stack.name}:live")
    assert outputs[f"Layer{stack.loop}Arn"].endswith(f":layer:bcrypt-batch-stack-{architecture}:1")
    assert "${" not in stack.said
    about = stack.configuration()
    assert (about["MemorySize"], about["Timeout"]) == (3538, 60)
    assert about["Architectures"] == [architecture]
    assert [layer["Arn"] for layer in about["Layers"]] == [outputs[f"Layer{stack.loop}Arn"]]
    functions = stack.aws("lambda", "list-functions")["Functions"]
    assert [function["FunctionName"] for function in functions] == [stack.name]
    if runs_here(architecture):
        answer = stack.invoke(f"{stack.name}:live")
        print(json.dumps({**answer, "hashes": "..."}))
        threads = min(2, len(os.sched_getaffinity(0)))
        assert answer["threads_used"] == len(set(answer["thread_ids"])) == threads
        assert bcrypt.checkpw(b"password_000019", answer["hashes"][19].encode())


def test_the_alias_follows_a_new_layer(stack: Stack, application: Path) -> None:
    before = stack.configuration("--qualifier", "live")
    changed = application / f".aws-sam/build/Layer{stack.loop}/python/changed"
    changed.touch()
    outputs = stack.deploy()
    live = stack.configuration("--qualifier", "live")
    assert [layer["Arn"] for layer in live["Layers"]] == [outputs[f"Layer{stack.loop}Arn"]]
    assert live["Layers"] != before["Layers"]


def test_every_parameter_that_changes_the_function(stack: Stack, architecture: str) -> None:
    """An update of the existing stack."""
    outputs = stack.deploy(
        FunctionUrl="true",
        LogRetention="30",
        MemorySize="2048",
        ProvisionedConcurrency="1",
        ReservedConcurrency="5",
        Timeout="30",
        WorkerCount="1",
    )
    stack.move_alias()
    live = stack.configuration("--qualifier", "live")
    assert (live["MemorySize"], live["Timeout"]) == (2048, 30)
    assert live["Environment"]["Variables"]["WORKER_COUNT"] == "1"
    of_alias = ("--function-name", stack.name, "--qualifier", "live")
    url = stack.aws("lambda", "get-function-url-config", *of_alias)
    assert url["AuthType"] == "AWS_IAM"
    assert url["FunctionUrl"] == outputs[f"Url{stack.loop}"]
    warm = stack.aws("lambda", "get-provisioned-concurrency-config", *of_alias)
    assert warm["RequestedProvisionedConcurrentExecutions"] == 1
    (group,) = stack.aws("logs", "describe-log-groups")["logGroups"]
    assert group["retentionInDays"] == 30
    if runs_here(architecture):
        assert stack.invoke(f"{stack.name}:live")["workers"] == 1


def test_the_functions_of_the_benchmark(stack: Stack, architecture: str) -> None:
    name = f"bcrypt-batch-benchmarks-{stack.loop}"
    (layer,) = stack.configuration()["Layers"]
    of_stack = ("-t", "benchmarks/template.yaml", "--stack-name", name)
    given = (f"Architecture={architecture}", f"Layer={layer['Arn']}")
    stack.sam("deploy", "--no-confirm-changeset", *of_stack, "--parameter-overrides", *given)
    functions = stack.aws("lambda", "list-functions")["Functions"]
    memory_mb = {function["FunctionName"]: function["MemorySize"] for function in functions}
    of_sizes = {f"{name}-{size}": size for size in sizes.TEMPLATE_SIZES_MB}
    assert memory_mb == {stack.name: memory_mb[stack.name], **of_sizes}
    if runs_here(architecture):
        answer = stack.invoke(f"{name}-1536")
        assert (answer["processed"], answer["workers"]) == (20, 1)
    stack.sam("delete", "--no-prompts", "--stack-name", name)


def test_snap_start(stack: Stack, architecture: str) -> None:
    stack.deploy(SnapStart="PublishedVersions", ProvisionedConcurrency="0")
    stack.move_alias()
    assert stack.configuration("--qualifier", "live")["SnapStart"]["ApplyOn"] == "PublishedVersions"
    if runs_here(architecture):
        assert stack.invoke(f"{stack.name}:live")["processed"] == 20


def test_nothing_is_left_after_sam_delete(stack: Stack) -> None:
    stack.sam("delete", "--no-prompts")
    assert stack.aws("lambda", "list-functions")["Functions"] == []
    assert stack.aws("lambda", "list-layers")["Layers"] == []
    assert stack.aws("logs", "describe-log-groups")["logGroups"] == []
