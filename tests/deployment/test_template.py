"""template.yaml, its loops expanded as the SAM CLI expands them."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from benchmarks import sizes
from benchmarks.invocation import Configuration
from benchmarks.lambda_target import function_name
from tests.deployment.layers import PROJECT

samcli = pytest.importorskip("samcli", reason="the SAM CLI is not installed (group sam)")


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    """The resources for both architectures, the benchmark's included."""
    from samcli.lib.cfn_language_extensions.sam_integration import expand_language_extensions
    from samcli.yamlhelper import yaml_parse

    template = yaml_parse((PROJECT / "template.yaml").read_text())
    values = {"Architectures": "arm64,x8664", "AWS::StackName": "stack"}
    expanded = expand_language_extensions(template, values, enabled=True).expanded_template
    found: dict[str, Any] = expanded["Resources"]
    return found


def functions(resources: dict[str, Any]) -> dict[str, Any]:
    return {
        name: resource
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def test_the_benchmark_finds_its_twelve_functions(resources: dict[str, Any]) -> None:
    names = {
        resource["Properties"]["FunctionName"]: resource["Properties"]
        for resource in functions(resources).values()
        if resource.get("Condition") == "HasBenchmarks"
    }
    assert len(names) == 12
    for architecture, memory_mb in product(("arm64", "x86_64"), sizes.TEMPLATE_SIZES_MB):
        name = function_name("stack", Configuration(architecture, memory_mb))
        assert names[name]["Architectures"] == [architecture]
        assert int(names[name]["MemorySize"]) == memory_mb
        assert names[name]["LoggingConfig"]["LogFormat"] == "Text"


def test_each_function_has_the_layer_of_its_architecture(resources: dict[str, Any]) -> None:
    for resource in functions(resources).values():
        (layer,) = resource["Properties"]["Layers"]
        layer = resources[layer["Ref"]]
        architectures = resource["Properties"]["Architectures"]
        assert layer["Properties"]["CompatibleArchitectures"] == architectures
        assert [layer["Metadata"]["BuildArchitecture"]] == architectures


def test_each_function_logs_where_its_role_may_write(resources: dict[str, Any]) -> None:
    for resource in functions(resources).values():
        group = resources[resource["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]]
        name = f"/aws/lambda/{resource['Properties']['FunctionName']}"
        assert group["Properties"]["LogGroupName"] == name
        assert resource["Properties"]["Role"]["Fn::GetAtt"] == ["Role", "Arn"]
