"""template.yaml with its loops expanded as the SAM CLI expands them."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from tests.deployment.layers import PROJECT


@cache
def resources() -> dict[str, Any]:
    """Return the resources for both architectures, the benchmark's included."""
    pytest.importorskip("samcli", reason="the SAM CLI is not installed (group sam)")
    from samcli.lib.cfn_language_extensions.sam_integration import expand_language_extensions
    from samcli.yamlhelper import yaml_parse

    template = yaml_parse((PROJECT / "template.yaml").read_text())
    values = {"Architectures": "arm64,x8664", "AWS::StackName": "stack"}
    expanded = expand_language_extensions(template, values, enabled=True).expanded_template
    found: dict[str, Any] = expanded["Resources"]
    return found


def functions() -> dict[str, Any]:
    """Return those of them that are functions."""
    return {
        name: resource
        for name, resource in resources().items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
