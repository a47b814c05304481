"""Templates, for both architectures: loops expanded, defaults in place of parameters.

Values that only a deployed stack has stay as in Fn::Sub: ${Bucket.Arn}, ${AWS::Region}.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import yaml

from tests.deployment.layers import PROJECT

VALUES: dict[str, Any] = {"Architectures": ["arm64", "x8664"], "AWS::StackName": "stack"}


class _Loader(yaml.SafeLoader):
    """Reads !Sub and other short forms as their full names."""


def _intrinsic(loader: _Loader, name: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        if name == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        raise TypeError(f"!{name} of a mapping")
    return {name if name in ("Condition", "Ref") else f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _intrinsic)


class _Template:
    """The template, and its parameters' assumed values."""

    def __init__(self, text: str) -> None:
        self._content = yaml.load(text, _Loader)
        parameters = self._content["Parameters"]
        defaults = {name: of["Default"] for name, of in parameters.items() if "Default" in of}
        self._values: dict[str, Any] = {**defaults, **VALUES}

    def section(self, name: str) -> Any:
        return self._resolve(self._content.get(name, {}), self._values)

    def _resolve(self, node: Any, values: dict[str, Any]) -> Any:
        if isinstance(node, list):
            return [self._resolve(each, values) for each in node]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((key, argument),) = node.items()
            if key == "Ref":
                argument = self._resolve(argument, values)
                return values.get(argument, f"${{{argument}}}")
            if key == "Fn::Sub":
                text, own = argument if isinstance(argument, list) else (argument, {})
                return _substitute(text, values | self._resolve(own, values))
            if key == "Fn::GetAtt":
                return f"${{{'.'.join(self._resolve(argument, values))}}}"
            if key == "Fn::FindInMap":
                mapping, first, second = self._resolve(argument, values)
                return self._content["Mappings"][mapping][first][second]
            if key == "Fn::Select":
                index, of = self._resolve(argument, values)
                return of[index]
        found: dict[str, Any] = {}
        for key, argument in node.items():
            if key.startswith("Fn::ForEach::"):
                variable, over, body = argument
                for value in self._resolve(over, values):
                    found |= self._resolve(body, {**values, variable: value})
            else:
                found[_substitute(key, values)] = self._resolve(argument, values)
        return found


def _substitute(text: str, values: dict[str, Any]) -> str:
    return re.sub(r"\$\{([\w:.]+)\}", lambda found: str(values.get(found[1], found[0])), text)


@cache
def section(name: str, file: str = "template.yaml") -> dict[str, Any]:
    """Return a section of a template; nothing if the template has no such section."""
    found: dict[str, Any] = _Template((PROJECT / file).read_text()).section(name)
    return found


def resources(file: str = "template.yaml") -> dict[str, Any]:
    """Return the resources."""
    return section("Resources", file)


def functions(file: str = "template.yaml") -> dict[str, Any]:
    """Return the resources that are functions."""
    return {
        name: resource
        for name, resource in resources(file).items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
