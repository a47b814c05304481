"""template.yaml: what belongs together in it."""

from __future__ import annotations

from tests.deployment.template import functions, resources


def test_each_function_has_the_layer_of_its_architecture() -> None:
    for resource in functions().values():
        (layer,) = resource["Properties"]["Layers"]
        layer = resources()[layer["Ref"]]
        architectures = resource["Properties"]["Architectures"]
        assert layer["Properties"]["CompatibleArchitectures"] == architectures
        assert [layer["Metadata"]["BuildArchitecture"]] == architectures


def test_each_function_logs_where_its_role_may_write() -> None:
    for resource in functions().values():
        group = resources()[resource["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]]
        name = f"/aws/lambda/{resource['Properties']['FunctionName']}"
        assert group["Properties"]["LogGroupName"] == name
        assert resource["Properties"]["Role"]["Fn::GetAtt"] == ["Role", "Arn"]
