"""The functions that benchmarks/template.yaml deploys are those that the commands look for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.memory.targets.choice import LAMBDA_ARCHITECTURES
from benchmarks.memory.targets.invocation import Configuration
from benchmarks.memory.targets.on_lambda import function_name
from emulator import sizes
from tests.benchmarks.memory.options import asked
from tests.deployment.template import functions, resources

FILE = "benchmarks/template.yaml"
PROJECT = Path(__file__).parents[3]


def test_each_memory_size_has_a_function() -> None:
    found = [resource["Properties"] for resource in functions(FILE).values()]
    assert [int(of["MemorySize"]) for of in found] == list(sizes.TEMPLATE_SIZES_MB)
    for of in found:
        assert of["FunctionName"] == f"stack-{of['MemorySize']}"
        assert of["Layers"] == ["${Layer}"]
        assert of["LoggingConfig"]["LogFormat"] == "Text"


@pytest.mark.parametrize("architecture", LAMBDA_ARCHITECTURES)
def test_the_stacks_that_the_documents_deploy(architecture: str) -> None:
    """Their names have no underscore, which CloudFormation does not take."""
    commands = (PROJECT / "benchmarks/README.md").read_text()
    stacks = re.findall(r"--stack-name (\S+) .*?Architecture=(\S+)", commands, re.DOTALL)
    stack = {of: name for name, of in stacks}[architecture]
    name = function_name(asked().stack, Configuration(architecture, 1536))
    assert name == f"{stack}-1536"
    assert re.fullmatch("[a-zA-Z][a-zA-Z0-9-]*", stack)


def test_functions_are_deployed_without_a_build() -> None:
    for function in functions(FILE).values():
        assert function["Metadata"] == {"SkipBuild": True}


def test_each_function_may_write_its_own_log_only() -> None:
    role = resources(FILE)["Role"]["Properties"]
    assert role.keys() == {"AssumeRolePolicyDocument"}
    groups = {name for name in resources(FILE) if name.startswith("LogGroup")}
    for name, function in functions(FILE).items():
        group = name.replace("Function", "LogGroup")
        assert function["Properties"]["LoggingConfig"]["LogGroup"] == f"${{{group}}}"
        assert function["Properties"]["Role"] == "${Role.Arn}"
        policy = resources(FILE)[name.replace("Function", "LogPolicy")]["Properties"]
        actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
        allowed = {"Effect": "Allow", "Action": actions, "Resource": f"${{{group}.Arn}}"}
        assert policy["PolicyDocument"]["Statement"] == [allowed]
        groups.remove(group)
    assert not groups
